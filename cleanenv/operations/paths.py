"""Name paths of one side as the other side sees them."""

from __future__ import annotations

import os
from pathlib import Path

from cleanenv.environments import open_environment
from cleanenv.errors import EnvironmentStateError
from cleanenv.pathmap import PathMap

__all__ = ["map_paths"]


def map_paths(
    root: Path, paths: tuple[str, ...], working_directory: str, *, to_host: bool, absolute: bool
) -> tuple[bytes, ...]:
    """The other names of the paths, by the mounts alone (rule M9). Raises EnvironmentStateError for one without."""
    environment = open_environment(root, with_configuration=False)
    mounts = PathMap(environment.state.mounts, working_directory)
    names = []
    for path in paths:
        name = (mounts.to_host if to_host else mounts.to_container)(path, absolute=absolute).value
        if name is None:
            raise EnvironmentStateError(
                f"path {path}",
                "it is the container's own: the host has it nowhere"
                if to_host
                else "no mount shows it in the container",
                None if to_host else "create the environment with --directory for it",
            )
        names.append(name or os.fsencode(path))
    return tuple(names)
