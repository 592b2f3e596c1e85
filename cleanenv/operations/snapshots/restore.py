"""Go to another snapshot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, changing
from cleanenv.errors import UsageError
from cleanenv.model.container import Container
from cleanenv.model.history import ROOT_ID, History, Snapshot
from cleanenv.model.host import Host
from cleanenv.operations import background, containers, hooks, live
from cleanenv.operations.hooks import Warn
from cleanenv.operations.snapshots.changes import has_changed
from cleanenv.operations.snapshots.images import image_of
from cleanenv.operations.snapshots.leftovers import remove_leftovers
from cleanenv.operations.snapshots.take import Request, save

__all__ = ["Choice", "Restored", "back", "created", "forward", "named", "restore"]

# Which snapshot is meant; the second argument tells that there are changes which no snapshot has. Raises UsageError.
Choice = Callable[[History, bool], Snapshot]


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the environment is now, and what was saved of the changes before."""

    snapshot: Snapshot
    saved: Snapshot | None


def named(text: str) -> Choice:
    """The one of that number or name."""
    return lambda history, _unsaved: history.find(text)


def created() -> Choice:
    """The state after create."""
    return lambda history, _unsaved: history.get(ROOT_ID)


def back(steps: int) -> Choice:
    """So many steps back, of which the first undoes the changes that no snapshot has."""
    return lambda history, unsaved: history.back(max(0, steps - unsaved))


def forward(steps: int) -> Choice:
    """So many steps forward on the line that was left."""
    return lambda history, _unsaved: history.forward(steps)


def restore(
    root: Path,
    choice: Choice,
    host: Host,
    *,
    discard: bool,
    connect: Callable[[], Engine],
    progress: ProgressReport,
    warn: Warn,
) -> Restored:
    """Put a container made from the chosen snapshot in place of the present one, whose programs are stopped.

    What has changed since the present snapshot is saved as one first, unless `discard`. When the new container cannot
    start, the one before is back. on_deactivate and on_activate are run.
    """
    with changing(root) as environment:
        engine = connect()
        container = containers.remove_others(engine, environment)
        _check(engine, environment, container, choice)
        progress("restoring a snapshot", 0, None)
        with hooks.replacing(engine, environment, container, host, warn):
            # Looked at only now: programs may have written when they were stopped.
            present, unsaved = _saved(engine, environment, container, choice, discard=discard)
            target = choice(environment.state.history, unsaved)
            image = image_of(engine, environment, target)
            state = replace(present.state, history=present.state.history.at(target.id))
            restored = containers.replace_container(engine, present, container, state, image, start=True)
        background.run(lambda: remove_leftovers(connect(), restored), environment.paths.log)
        live.ensure_mounted(restored, host)
        hooks.activated(engine, restored, host, warn)
        return Restored(target, None if present is environment else present.state.history.current)


def _check(engine: Engine, environment: Environment, container: Container | None, choice: Choice) -> None:
    """Raises UsageError and EngineError for what cannot be, before anything is stopped."""
    history = environment.state.history
    try:
        target = choice(history, False)  # noqa: FBT003 (as for the choice)
    except UsageError:
        if container is None or not has_changed(engine, environment, container):
            raise
    else:
        if not _asks(choice, history):
            image_of(engine, environment, target)


def _saved(
    engine: Engine, environment: Environment, container: Container | None, choice: Choice, *, discard: bool
) -> tuple[Environment, bool]:
    """The environment with what has changed as a snapshot, unless it is to be dropped; whether anything has."""
    if container is None:
        return environment, False
    if discard:
        return environment, _asks(choice, environment.state.history) and has_changed(engine, environment, container)
    saved = save(engine, environment, container, Request("before-restore-{id}", only_if_changed=True))
    return (environment, False) if saved is None else (saved.environment, True)


def _asks(choice: Choice, history: History) -> bool:
    """Whether it makes a difference to the choice that there are changes which no snapshot has."""
    try:
        return choice(history, True) != choice(history, False)  # noqa: FBT003
    except UsageError:
        return True
