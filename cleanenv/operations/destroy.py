"""Destroy an environment: everything that belongs to it goes, and nothing else."""

from __future__ import annotations

import contextlib
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cleanenv import mounts
from cleanenv.configuration_file import read_configuration
from cleanenv.engine.port import Engine
from cleanenv.environments import changing, open_environment
from cleanenv.errors import CleanenvError, EnvironmentStateError
from cleanenv.model.environment import EnvironmentPaths
from cleanenv.model.host import Host
from cleanenv.operations import hooks, live
from cleanenv.operations.containers import ID_LABEL, PATH_LABEL
from cleanenv.operations.hooks import Warn
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

    What the user put beside them in the directory stays, and the directory with it. The container goes first: when the
    engine cannot be reached nothing is lost and destroy can be said again. So it can when it was cut short; a damaged
    configuration is in nobody's way.
    """
    with changing(root, with_configuration=False) as found:
        environment = found
        engine = connect()
        # A program of the user's, or a damaged configuration, does not keep an environment alive.
        try:
            configured = replace(found, configuration=read_configuration(found.paths.configuration))
            environment = hooks.before_destroy(engine, configured, host, warn)
        except CleanenvError as error:
            warn(f"on-destroy: {error}")
        engine.remove_container(environment.state.container_id)
        live.unmount(environment)
        _remove_files(environment.paths, Registry(host.state_directory), (environment.state.id,))
        shutil.rmtree(environment.runtime.root, ignore_errors=True)


def destroy_damaged(root: Path, host: Host, engine: Engine) -> None:
    """Destroy an environment that has no state, or none that can be read: what a killed command left.

    Its containers are found by their labels.
    """
    found = engine.containers(f"{PATH_LABEL}={root}")
    identifiers = tuple(dict(container.labels).get(ID_LABEL, "") for container in found)
    for container in found:
        engine.remove_container(container.id)
    paths = EnvironmentPaths(root)
    mounts.unmount(str(paths.bin), lazy=True)
    _remove_files(paths, Registry(host.state_directory), identifiers)
    for identifier in filter(None, identifiers):
        shutil.rmtree(choose_runtime_directory(host, identifier), ignore_errors=True)


def _remove_files(paths: EnvironmentPaths, registry: Registry, identifiers: tuple[str, ...]) -> None:
    """Remove the files, that with the state last: until then it is an environment that can be destroyed."""
    try:
        _remove_tree(paths.bin)
        paths.configuration.unlink(missing_ok=True)
        for identifier in filter(None, identifiers):
            registry.remove(identifier)
        for file in paths.private.iterdir():
            if file != paths.state:
                _remove_tree(file) if file.is_dir() and not file.is_symlink() else file.unlink()
        _remove_tree(paths.private)
    except OSError as error:
        raise EnvironmentStateError(
            f"environment {paths.root}",
            f"its container is gone, but {error.filename}: {error.strerror}",
            f"rm -rf {shlex.quote(str(paths.root))}",
        ) from error
    with contextlib.suppress(OSError):
        paths.root.rmdir()


def _remove_tree(directory: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(directory)
