"""Reset an environment: back to the state after create."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cleanenv import gate
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, changing, save_state
from cleanenv.errors import EngineError
from cleanenv.model.history import ROOT_ID
from cleanenv.model.host import Host
from cleanenv.operations import hooks
from cleanenv.operations.hooks import Warn
from cleanenv.operations.snapshots import edit, restore
from cleanenv.operations.snapshots.edit import Removed
from cleanenv.operations.snapshots.restore import Restored

__all__ = ["reset", "reset_hard"]


def reset(
    root: Path,
    host: Host,
    *,
    discard: bool,
    connect: Callable[[], Engine],
    progress: ProgressReport,
    warn: Warn,
) -> Restored:
    """Go back to the state after create. What was changed is saved as a snapshot, unless `discard`; history stays."""
    return restore.restore(
        root, restore.created(), host, discard=discard, connect=connect, progress=progress, warn=warn
    )


def reset_hard(root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn) -> Removed:
    """Stop the container, remove it with its volumes and with all snapshots, and start a fresh one.

    on_deactivate and on_activate are run. Links, mounts and the live directory stay. Nothing is removed when the image
    is gone: EngineError then. When it is cut short, it can be said again.
    """
    with changing(root) as environment:
        engine = connect()
        _check_image(engine, environment)
        save_state(environment.paths, environment.state)  # a full disk is told before anything is removed
        history = environment.state.history
        begun = replace(history, position=ROOT_ID, tip=ROOT_ID).pruned()
        with gate.closed(environment.runtime):
            hooks.take_down(engine, environment, host, warn)
            engine.remove_container(environment.state.container_id)
            removed = edit.forget(engine, environment, begun, warn)
        hooks.bring_up(engine, replace(environment, state=replace(environment.state, history=begun)), host, warn)
        return removed


def _check_image(engine: Engine, environment: Environment) -> None:
    if engine.image(environment.state.image_id) is None:
        raise EngineError(
            f"reset {environment.paths.root}",
            f"its image {environment.state.image_name} was removed from the engine",
            f"cleanenv create --clear {shlex.quote(str(environment.paths.root))}",
        )
