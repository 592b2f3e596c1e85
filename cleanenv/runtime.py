"""The runtime directory of an environment: where it is, and that nobody else can get at it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cleanenv.errors import EnvironmentStateError
from cleanenv.model.environment import RuntimePaths
from cleanenv.model.host import Host

__all__ = ["choose_runtime_directory", "make_runtime_directory"]

_PATH_MAX = 85  # bytes: host/agent/agent.sock still fits into a socket address (unix(7): 107)


def choose_runtime_directory(host: Host, identifier: str) -> str:
    """The directory for a new environment; not made yet."""
    uid = host.user.uid
    candidates = [host.variables.get("XDG_RUNTIME_DIR", ""), f"/run/user/{uid}"]
    for candidate in candidates:
        path = f"{candidate}/cleanenv/{identifier}"
        if candidate.startswith("/") and len(os.fsencode(path)) <= _PATH_MAX and _is_private(candidate, uid):
            return path
    return f"/tmp/cleanenv-{uid}/{identifier}"  # noqa: S108 (its owner and mode are verified)


def make_runtime_directory(path: str, uid: int) -> RuntimePaths:
    """Make what is missing of it (a reboot wipes it) and verify the owner and mode of its last two components.

    Raises EnvironmentStateError when somebody else owns one of them or could write there.
    """
    paths = RuntimePaths(Path(path))
    try:
        paths.root.parent.parent.mkdir(parents=True, exist_ok=True)
        for directory in (paths.root.parent, paths.root, paths.agent_directory, paths.host_directory):
            directory.mkdir(mode=0o700, exist_ok=True)
            if not _is_private(str(directory), uid):
                raise EnvironmentStateError(
                    f"runtime directory {directory}",
                    "it is not a directory that only you can use",
                    f"ls -ld {directory}; remove it if it is not yours",
                )
    except OSError as error:
        raise EnvironmentStateError(f"runtime directory {path}", error.strerror or str(error)) from error
    return paths


def _is_private(path: str, uid: int) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and not status.st_mode & 0o077
