"""Flatten a snapshot: the same content in one layer, long before the engine's limit of 125.

Snapshots before it keep their images. It is done in the background, beside calls and commands, from WANTED layers on,
and takes effect if nothing has changed when it is ready. With NEEDED layers whatever follows the snapshot waits for it.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, changing, open_environment
from cleanenv.errors import EngineError
from cleanenv.files import is_locked, locked
from cleanenv.model.container import Image
from cleanenv.model.history import History
from cleanenv.model.host import Host
from cleanenv.operations import containers
from cleanenv.operations.snapshots.changes import has_changed
from cleanenv.operations.snapshots.images import flat_layer, image_of, remove_image_of, tag_of, temporary_labels

__all__ = ["NEEDED", "WANTED", "begin", "flatten", "flattened"]

WANTED = 100
NEEDED = 120


def begin(environment: Environment, host: Host) -> None:
    """Do it in a process of its own, which nobody waits for; not while another is at work."""
    if is_locked(environment.runtime.exports):
        return
    with open(environment.paths.log, "ab") as log:
        process = subprocess.Popen(
            [host.python, "-m", "cleanenv", "snapshot", "flatten", "-e", str(environment.paths.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=dict(host.variables),
            start_new_session=True,
        )
    process.returncode = 0  # Python is not to complain that nobody waits


def flatten(root: Path, *, connect: Callable[[], Engine], progress: ProgressReport) -> bool:
    """Flatten the present snapshot, if it has come to that. False when it was not, or something changed meanwhile."""
    seen = open_environment(root)
    snapshot = seen.state.history.current
    engine = connect()
    # Who removes leftovers looks at this lock. It is taken before that of the environment.
    with locked(seen.runtime.exports, shared=True):
        if len(image_of(engine, seen, snapshot).layers) < WANTED:
            return False
        flat = _flat_image(engine, seen, progress)
        with changing(root) as environment:
            is_done = environment.state.history.current == snapshot and _replace(engine, environment, flat)
        if not is_done:
            engine.remove_image(flat.id)
        return is_done


def flattened(engine: Engine, environment: Environment, progress: ProgressReport) -> tuple[History, Image]:
    """The history with its present snapshot flat, and that one's image; nothing is saved yet."""
    flat = _flat_image(engine, environment, progress)
    return _with_flat(environment.state.history, flat), flat


def _replace(engine: Engine, environment: Environment, flat: Image) -> bool:
    """Go on in a container of the flat image; False where programs run, or something has changed."""
    container = engine.container(environment.state.container_id)
    if container is None:
        return False
    with containers.held_if_idle(environment, container) as held:
        if held is None or has_changed(engine, environment, container):
            return False
        state = replace(environment.state, history=_with_flat(environment.state.history, flat))
        after = containers.replace_container(engine, environment, container, state, flat, start=container.is_running)
    with contextlib.suppress(EngineError):  # it goes with a later command
        containers.remove_others(engine, after)
    with contextlib.suppress(EngineError):  # another snapshot may stand on it
        remove_image_of(engine, environment.state.id, environment.state.history.current.image_id)
    return True


def _flat_image(engine: Engine, environment: Environment, progress: ProgressReport) -> Image:
    snapshot = environment.state.history.current
    tag = tag_of(environment.state.id, snapshot.id, flat=True)
    return engine.flatten_image(snapshot.image_id, tag, temporary_labels(environment), progress)


def _with_flat(history: History, flat: Image) -> History:
    return history.flattened(history.position, flat.id, flat_layer(flat))
