"""What the kernel says of the live directories that are mounted on this host.

Looks at mounts from outside: /proc/self/mountinfo tells what is mounted without asking the file system, and
the one question that does ask it is bounded, because a FUSE server that hangs lets its askers hang.
"""

from __future__ import annotations

import ctypes
import enum
import errno
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from cleanenv.errors import MountError

__all__ = [
    "HELPER_PATH",
    "BusyMountError",
    "MountEntry",
    "MountState",
    "entries",
    "live_directories",
    "parse_mountinfo",
    "state",
    "unmount",
]

_FILE_SYSTEM_TYPE = "fuse.cleanenv"
_MOUNTINFO = "/proc/self/mountinfo"
_HEAD_FIELDS = 6
_OCTAL = re.compile(rb"\\([0-7]{3})")
_OWNER = re.compile(rb"[ ,]user_id=(\d+)(?:,|$)")  # the last field: what the file system was mounted with

_UNMOUNT_TIMEOUT_S = 5.0
_MNT_DETACH = 2
_UMOUNT_NOFOLLOW = 8
# The setuid helpers are where distributions put them; the caller's PATH may lead through a live directory.
HELPER_PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/run/wrappers/bin"


class BusyMountError(MountError):
    """A program of the directory runs, or a process has its working directory there."""


class MountState(enum.Enum):
    """What is at a mount point."""

    ABSENT = "absent"  # no live directory
    LIVE = "live"  # one whose server answers
    DEAD = "dead"  # one whose server is gone: every access is ENOTCONN
    SILENT = "silent"  # one whose server exists and does not answer in time


@dataclass(frozen=True, slots=True)
class MountEntry:
    """A line of mountinfo. `device` is major:minor; it tells two mounts at one point apart.

    `owner` is the uid that may use a FUSE file system, None for others.
    """

    mount_point: str
    device: str
    file_system_type: str
    owner: int | None = None


def parse_mountinfo(data: bytes) -> Iterator[MountEntry]:
    """The entries of a mountinfo file (proc_pid_mountinfo(5)), in the order of mounting."""
    for line in data.split(b"\n"):  # not splitlines: a carriage return in a path is not escaped
        head, separator, tail = line.partition(b" - ")
        fields = head.split(b" ")
        if separator and len(fields) >= _HEAD_FIELDS:
            yield MountEntry(
                os.fsdecode(_OCTAL.sub(lambda m: bytes([int(m[1], 8)]), fields[4])),
                fields[2].decode("ascii", "replace"),
                tail.split(b" ")[0].decode("ascii", "replace"),
                int(owner[1]) if (owner := _OWNER.search(tail)) else None,
            )


def live_directories() -> tuple[MountEntry, ...]:
    """All live directories that this process sees mounted now."""
    with open(_MOUNTINFO, "rb") as file:
        return tuple(e for e in parse_mountinfo(file.read()) if e.file_system_type == _FILE_SYSTEM_TYPE)


def entries(mount_point: str) -> tuple[MountEntry, ...]:
    """The live directories that are mounted at that point now, the visible one last."""
    point = _canonical(mount_point)
    return tuple(entry for entry in live_directories() if entry.mount_point == point)


def state(mount_point: str, timeout_s: float = 1.0) -> MountState:
    """What is at the mount point, within the given time."""
    if not entries(mount_point):
        return MountState.ABSENT
    errors: list[int] = []

    def ask() -> None:
        try:
            # Not stat: for a second after its server's death the kernel still knows that answer.
            os.statvfs(mount_point)
            errors.append(0)
        except OSError as error:
            errors.append(error.errno or 0)

    # In a thread, since the wait for a FUSE server ends only with its answer or with this process.
    thread = threading.Thread(target=ask, name="mount probe", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not errors:
        return MountState.SILENT
    # Any other error is an answer: a foreign user's EACCES too.
    return MountState.DEAD if errors[0] in (errno.ENOTCONN, errno.ECONNABORTED) else MountState.LIVE


def unmount(mount_point: str, *, lazy: bool = False) -> None:
    """Unmount the live directory at that point; none there is no error.

    `lazy` takes it away at once also from under running programs, which keep it until they end.
    Raises BusyMountError (never when lazy) or MountError.
    """
    if not entries(mount_point):
        return
    what = f"unmount of {mount_point}"
    point = _canonical(mount_point)
    if os.geteuid() == 0:
        failure = _unmount_directly(point, lazy=lazy)
        if failure == 0 or (failure == errno.EINVAL and not entries(mount_point)):
            return
        if failure == errno.EBUSY:
            raise _busy(what)
        if failure != errno.EPERM:
            raise MountError(what, os.strerror(failure))
    _unmount_with_helper(what, point, mount_point, lazy=lazy)


def _unmount_directly(point: str, *, lazy: bool) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazy else 0)
    return ctypes.get_errno() if libc.umount2(os.fsencode(point), flags) != 0 else 0


def _unmount_with_helper(what: str, point: str, mount_point: str, *, lazy: bool) -> None:
    helper = shutil.which("fusermount3", path=HELPER_PATH) or shutil.which("fusermount", path=HELPER_PATH)
    if helper is None:
        raise MountError(what, "there is no fusermount3 or fusermount", "apt-get install fuse3")
    command = [helper, "-u", *(["-z"] if lazy else []), "--", point]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"LC_ALL": "C"},
            timeout=_UNMOUNT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MountError(what, f"{helper} did not end within {_UNMOUNT_TIMEOUT_S:g} s") from error
    if done.returncode == 0 or not entries(mount_point):
        return
    reason = done.stderr.decode("utf-8", "replace").strip()
    if "busy" in reason:
        raise _busy(what)
    raise MountError(what, reason or f"{helper} ended with status {done.returncode}")


def _busy(what: str) -> BusyMountError:
    return BusyMountError(
        what, "one of its programs runs, or a process has its working directory there", "end them first"
    )


def _canonical(mount_point: str) -> str:
    """The path as the kernel shows it, without looking at the mount point itself."""
    directory, name = os.path.split(os.path.normpath(mount_point))
    return os.path.join(os.path.realpath(directory), name)
