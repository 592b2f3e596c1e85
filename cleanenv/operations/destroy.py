"""Destroy an environment: everything that belongs to it goes, and nothing else."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from cleanenv.engine.port import Engine
from cleanenv.environments import changing
from cleanenv.errors import EnvironmentStateError
from cleanenv.model.host import Host
from cleanenv.operations import live
from cleanenv.registry import Registry

__all__ = ["destroy"]


def destroy(root: Path, host: Host, *, connect: Callable[[], Engine]) -> None:
    """End its programs, remove its container, its live directory and its files.

    What the user put beside them in the directory stays, and the directory with it. The container goes first: when the
    engine cannot be reached nothing is lost and destroy can be said again.
    """
    with changing(root) as environment:
        engine = connect()
        engine.remove_container(environment.state.container_id)
        live.unmount(environment)
        try:
            shutil.rmtree(environment.paths.bin)
            environment.paths.configuration.unlink(missing_ok=True)
            Registry(host.state_directory).remove(environment.state.id)
            shutil.rmtree(environment.paths.private)
        except OSError as error:
            raise EnvironmentStateError(
                f"environment {root}",
                f"its container is gone, but {error.filename}: {error.strerror}",
                f"rm -rf {root}",
            ) from error
        with contextlib.suppress(OSError):
            root.rmdir()
        shutil.rmtree(environment.runtime.root, ignore_errors=True)
