"""The runtime directory of an environment: where it is, and that nobody else can get at it."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from cleanenv.errors import EnvironmentStateError
from cleanenv.model.environment import RuntimePaths
from cleanenv.model.host import Host

__all__ = ["check_runtime_directory", "choose_runtime_directory", "make_runtime_directory"]

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
            _check_private(directory, uid)
    except FileExistsError as error:
        raise _not_private(Path(error.filename), uid) from error
    except OSError as error:
        raise EnvironmentStateError(f"runtime directory {path}", error.strerror or str(error)) from error
    return paths


def check_runtime_directory(path: str, uid: int) -> None:
    """Verify what there is of it. Raises EnvironmentStateError as make_runtime_directory does."""
    root = Path(path)
    for directory in (root.parent, root):
        if os.path.lexists(directory):
            _check_private(directory, uid)


def _check_private(directory: Path, uid: int) -> None:
    if not _is_private(str(directory), uid):
        raise _not_private(directory, uid)


def _not_private(directory: Path, uid: int) -> EnvironmentStateError:
    status = os.lstat(directory)
    name = shlex.quote(str(directory))
    if status.st_uid != uid:
        # In /tmp nobody but its owner and root may remove it.
        hint = f"sudo rm -r {name}"
    else:
        hint = f"chmod 700 {name}" if stat.S_ISDIR(status.st_mode) else f"rm {name}"
    return EnvironmentStateError(f"runtime directory {directory}", "it is not a directory that only you can use", hint)


def _is_private(path: str, uid: int) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and not status.st_mode & 0o077
