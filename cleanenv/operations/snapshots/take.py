"""Take a snapshot."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cleanenv import gate
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, changing, open_environment, save_state
from cleanenv.errors import EngineError, EnvironmentStateError
from cleanenv.model.container import Container, Image
from cleanenv.model.history import Snapshot
from cleanenv.model.host import Host
from cleanenv.operations import background, containers
from cleanenv.operations.snapshots import flatten
from cleanenv.operations.snapshots.changes import is_unchanged
from cleanenv.operations.snapshots.images import image_of_container, labels_of, layers_of, tag_of
from cleanenv.operations.snapshots.leftovers import remove_leftovers

__all__ = ["Request", "Saved", "Taken", "save", "take"]


@dataclass(frozen=True, slots=True)
class Request:
    """A snapshot that is wanted. `name` may hold {id}, {date} and {program}; one without is taken as it is, or not.

    `cause` is the command line after which it is wanted. An `only_if_changed` one is not taken when it would hold
    nothing new.
    """

    name: str
    program: str = ""
    cause: str = ""
    only_if_changed: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """A snapshot that was taken, the bytes that it added, and how long that took."""

    snapshot: Snapshot
    size: int
    seconds: float


def take(
    root: Path,
    request: Request,
    host: Host,
    *,
    connect: Callable[[], Engine],
    progress: ProgressReport,
) -> Taken | None:
    """Take a snapshot of the container as it is; None when nothing has changed and so none was wanted.

    Programs are held while their files are read, where the engine can do that, and go on. Where none runs, the
    container is replaced by one made from the snapshot: the next one then has to hold only what changes from now on.
    That is done in the background: calls and commands that come meanwhile wait for it.
    """
    if request.only_if_changed and open_environment(root, with_configuration=False).state.frozen:
        return None
    with changing(root) as environment:
        if request.name and "{" not in request.name:
            environment.state.history.check_free(request.name)
        engine = connect()
        container = engine.container(environment.state.container_id)
        if container is None:
            why = "its container was removed, and with it what had changed in it"
            raise EnvironmentStateError(f"snapshot of {root}", why, "cleanenv start")
        start = time.monotonic()
        progress("taking a snapshot", 0, None)
        with containers.held_if_idle(environment, container) as held:
            saved = save(engine, environment, container, request)
            if saved is None:
                return None
            history = saved.environment.state.history
            taken = Taken(history.current, history.size(history.position), time.monotonic() - start)
            # What a killed command left is in nobody's way until then.
            work = _go_on if held else _tidy
            background.run(lambda: work(connect(), saved, container, host), environment.paths.log)
            if held:
                held.pop_all()
        return taken


@dataclass(frozen=True, slots=True)
class Saved:
    """The environment at a new snapshot, and the snapshot's image."""

    environment: Environment
    image: Image


def save(engine: Engine, environment: Environment, container: Container, request: Request) -> Saved | None:
    """Make the image, then write it down; None when it holds nothing new and so is not wanted."""
    history = environment.state.history
    number = history.next_id
    created = time.time()
    date = time.strftime("%Y-%m-%d", time.localtime(created))
    base = image_of_container(engine, environment, container)
    image = engine.commit_container(
        container.id, tag_of(environment.state.id, number), labels_of(environment.state.id, number)
    )
    if request.only_if_changed and is_unchanged(engine, environment, container, image):
        engine.remove_image(image.id)
        return None
    layers = layers_of(history, base, image)
    snapshot = Snapshot(
        id=number,
        parent=history.position,
        name=history.free_name(request.name or "snapshot-{id}", date=date, program=request.program),
        created=int(created),
        image_id=image.id,
        layer=layers[-1].id if layers else "",
        cause=request.cause,
    )
    state = replace(environment.state, history=history.added(snapshot, layers))
    try:
        save_state(environment.paths, state)
    except EnvironmentStateError:
        with contextlib.suppress(EngineError):  # it goes with a later command
            engine.remove_image(image.id)
        raise
    return Saved(replace(environment, state=state), image)


def _go_on(engine: Engine, saved: Saved, before: Container, host: Host) -> None:
    """Put a container made from the snapshot in place of the one that it was taken of, which nobody can call."""
    environment, image = saved.environment, saved.image
    history = environment.state.history
    try:
        containers.remove_others(engine, environment)
        if len(image.layers) >= flatten.NEEDED:
            history, image = flatten.flattened(engine, environment, lambda *_: None)
        state = replace(environment.state, history=history)
        after = containers.replace_container(engine, environment, before, state, image, start=before.is_running)
    finally:
        gate.open_again(environment.runtime)
    remove_leftovers(engine, after)
    if len(image.layers) >= flatten.WANTED:
        flatten.begin(after, host)


def _tidy(engine: Engine, saved: Saved, _before: Container, _host: Host) -> None:
    """Leave the container as it is: programs run in it."""
    remove_leftovers(engine, saved.environment)
