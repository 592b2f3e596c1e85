"""Freeze an environment: its container's root becomes read-only, and no command changes it until it is unfrozen."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, holding
from cleanenv.errors import EnvironmentStateError
from cleanenv.model.container import Container
from cleanenv.model.history import Snapshot
from cleanenv.model.host import Host
from cleanenv.operations import background, containers, hooks, live
from cleanenv.operations.hooks import Warn
from cleanenv.operations.snapshots.images import image_of
from cleanenv.operations.snapshots.leftovers import remove_leftovers
from cleanenv.operations.snapshots.take import Request, save

__all__ = ["Frozen", "freeze", "unfreeze"]


@dataclass(frozen=True, slots=True)
class Frozen:
    """The snapshot at which the environment is frozen, and whether it was taken for that."""

    snapshot: Snapshot
    is_new: bool


def freeze(root: Path, host: Host, *, connect: Callable[[], Engine], progress: ProgressReport, warn: Warn) -> Frozen:
    """Put a container with a read-only root in place of the environment's; one that is frozen is left as it is.

    What no snapshot has is saved as one first. When the new container cannot start, the one before is back.
    on_deactivate and on_activate are run.
    """
    with holding(root) as environment:
        if environment.state.frozen:
            return Frozen(environment.state.history.current, is_new=False)
        engine = connect()
        container = containers.remove_others(engine, environment)
        if container is None:
            why = "its container was removed, and with it what had changed in it"
            raise EnvironmentStateError(f"freeze {root}", why, f"cleanenv start -e {shlex.quote(str(root))}")
        progress("freezing the environment", 0, None)
        with hooks.replacing(engine, environment, container, host, warn):
            # The user is not in the base image, and the agent could not add him to a read-only one.
            is_base = environment.state.history.current.parent is None
            saved = save(engine, environment, container, Request("frozen-{id}", only_if_changed=not is_base))
            present = environment if saved is None else saved.environment
            frozen = _replaced(engine, present, container, is_frozen=True)
        _go_on(engine, frozen, container, host, connect, warn)
        return Frozen(frozen.state.history.current, is_new=saved is not None)


def unfreeze(root: Path, host: Host, *, connect: Callable[[], Engine], progress: ProgressReport, warn: Warn) -> None:
    """Put a container that can be written to in its place again. Raises EnvironmentStateError when it is not frozen."""
    with holding(root) as environment:
        if not environment.state.frozen:
            raise EnvironmentStateError(f"environment {root}", "it is not frozen")
        engine = connect()
        container = containers.remove_others(engine, environment)
        progress("unfreezing the environment", 0, None)
        with hooks.replacing(engine, environment, container, host, warn):
            after = _replaced(engine, environment, container, is_frozen=False)
        _go_on(engine, after, container, host, connect, warn)


def _replaced(engine: Engine, environment: Environment, old: Container | None, *, is_frozen: bool) -> Environment:
    image = image_of(engine, environment, environment.state.history.current)
    state = replace(environment.state, frozen=is_frozen)
    return containers.replace_container(engine, environment, old, state, image, start=_runs(old))


def _go_on(
    engine: Engine,
    environment: Environment,
    old: Container | None,
    host: Host,
    connect: Callable[[], Engine],
    warn: Warn,
) -> None:
    background.run(lambda: remove_leftovers(connect(), environment), environment.paths.log)
    if _runs(old):
        live.ensure_mounted(environment, host)
        hooks.activated(engine, environment, host, warn)


def _runs(container: Container | None) -> bool:
    return container is not None and container.is_running
