"""Reset an environment: a fresh container in the state after create."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from cleanenv import gate
from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, changing, save_state
from cleanenv.errors import EngineError
from cleanenv.model.host import Host
from cleanenv.operations import hooks
from cleanenv.operations.hooks import Warn

__all__ = ["reset"]


def reset(root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn) -> None:
    """Stop the container, remove it with all that was changed in it, and start a fresh one.

    on_deactivate and on_activate are run. Links, mounts and the live directory stay. Nothing is removed when the image
    is gone: EngineError then. When it is cut short, the next start makes the fresh container.
    """
    with changing(root) as environment:
        engine = connect()
        _check_image(engine, environment)
        save_state(environment.paths, environment.state)  # a full disk is told before anything is removed
        with gate.closed(environment.runtime):
            hooks.take_down(engine, environment, host, warn)
            engine.remove_container(environment.state.container_id)
        hooks.bring_up(engine, environment, host, warn)


def _check_image(engine: Engine, environment: Environment) -> None:
    if engine.image(environment.state.image_id) is None:
        raise EngineError(
            f"reset {environment.paths.root}",
            f"its image {environment.state.image_name} was removed from the engine",
            f"cleanenv create --clear {shlex.quote(str(environment.paths.root))}",
        )
