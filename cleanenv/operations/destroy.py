"""Destroy an environment: everything that belongs to it goes, and nothing else."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cleanenv import mounts
from cleanenv.configuration_file import read_configuration
from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, holding, open_environment
from cleanenv.errors import (
    CleanenvError,
    CorruptStateError,
    EngineError,
    EnvironmentNotFoundError,
    EnvironmentStateError,
)
from cleanenv.model.environment import EnvironmentPaths
from cleanenv.model.host import Host
from cleanenv.operations import hooks, live
from cleanenv.operations.containers import ID_LABEL, PATH_LABEL, own_containers, remove_others
from cleanenv.operations.hooks import Warn
from cleanenv.operations.service import remove_unit
from cleanenv.operations.snapshots.leftovers import remove_all
from cleanenv.registry import Registry
from cleanenv.runtime import choose_runtime_directory
from cleanenv.sessions import Session, active_sessions

__all__ = ["destroy", "destroy_damaged", "sessions_in"]


def sessions_in(root: Path) -> tuple[Session, ...]:
    """The shells that are in the environment. One that is damaged has none."""
    try:
        return active_sessions(open_environment(root, with_configuration=False).runtime.sessions)
    except EnvironmentStateError:
        return ()


def destroy(root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn) -> None:
    """End its programs, remove its container, its live directory and its files.

    What the user put beside them in the directory stays, and the directory with it. Container and snapshots go first:
    when the engine cannot be reached nothing is lost and destroy can be said again. So it can when it was cut short; a
    damaged configuration is in nobody's way.
    """
    try:
        with holding(root, with_configuration=False) as found:
            _destroy(found, host, connect(), warn)
    except EnvironmentNotFoundError as error:
        # Somebody removed the directory, or a create was killed.
        try:
            engine = connect()
        except EngineError:
            raise error from None
        if not destroy_damaged(root, host, engine):
            raise
    except CorruptStateError:
        destroy_damaged(root, host, connect())


def _destroy(found: Environment, host: Host, engine: Engine, warn: Warn) -> None:
    environment = found
    # A program of the user's, or a damaged configuration, does not keep an environment alive.
    try:
        configured = replace(found, configuration=read_configuration(found.paths.configuration))
        environment = hooks.before_destroy(engine, configured, host, warn)
    except CleanenvError as error:
        warn(f"on-destroy: {error}")
    try:
        remove_unit(environment.state.id, host)
    except CleanenvError as error:
        warn(str(error))
    engine.remove_container(environment.state.container_id)
    remove_others(engine, environment)
    remove_all(engine, environment.state.id)
    live.unmount(environment)
    _remove_files(environment.paths, Registry(host.state_directory), (environment.state.id,))
    shutil.rmtree(environment.runtime.root, ignore_errors=True)


def destroy_damaged(root: Path, host: Host, engine: Engine) -> bool:
    """Destroy an environment that has no state, or none that can be read; whether there was anything of it.

    Its containers are found by their labels, its runtime directory by the list.
    """
    registry, paths = Registry(host.state_directory), EnvironmentPaths(root)
    found = own_containers(engine, host.user.uid, f"{PATH_LABEL}={root}")
    identifiers = {identifier for identifier, listed in registry.entries().items() if listed == root}
    identifiers |= {dict(container.labels)[ID_LABEL] for container in found}
    if not (identifiers or paths.private.exists() or mounts.entries(str(paths.bin))):
        return False
    for container in found:
        engine.remove_container(container.id)
    for identifier in identifiers:
        remove_all(engine, identifier)
        with contextlib.suppress(CleanenvError):  # it starts nothing without the environment
            remove_unit(identifier, host)
    mounts.unmount(str(paths.bin), lazy=True)
    _remove_files(paths, registry, tuple(identifiers))
    for identifier in identifiers:
        shutil.rmtree(choose_runtime_directory(host, identifier), ignore_errors=True)
    return True


def _remove_files(paths: EnvironmentPaths, registry: Registry, identifiers: tuple[str, ...]) -> None:
    """Remove the files, that with the state last: until then it is an environment that can be destroyed."""
    try:
        if not paths.private.exists():  # what is there now may be the user's
            _remove_scripts(paths.bin)
        else:
            _remove_tree(paths.bin)
            paths.configuration.unlink(missing_ok=True)
            for file in paths.private.iterdir():
                if file != paths.state:
                    _remove_tree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
            _remove_tree(paths.private)
        for identifier in identifiers:
            registry.remove(identifier)
    except OSError as error:
        raise EnvironmentStateError(
            f"environment {paths.root}",
            f"its container is gone, but {error.filename}: {error.strerror}",
            f"rm -rf {shlex.quote(str(paths.root))}",
        ) from error
    with contextlib.suppress(OSError):
        paths.root.rmdir()


def _remove_scripts(directory: Path) -> None:
    """Remove what lay beneath the live directory, which a removal of everything else did not reach."""
    if directory.is_dir() and all(name.startswith("activate") for name in os.listdir(directory)):
        _remove_tree(directory)


def _remove_tree(directory: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory)
