"""The shells that are in an environment, as its runtime directory records them.

A process id is used again, a process id with its time of start is not. Both come from the kernel, without psutil: its
times of start follow the host's clock when that is set, and the environment server has no memory to spare for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Session", "active_sessions", "load_sessions", "save_sessions", "start_time"]

_SIZE_MAX = 1 << 20  # bytes
_STATE, _START_TIME = 0, 19  # in /proc/PID/stat (proc(5): fields 3 and 22), counted from behind the name
_ENDED = (b"Z", b"X")


@dataclass(frozen=True, slots=True)
class Session:
    """A shell. `start_time` is in clock ticks since boot."""

    pid: int
    start_time: int


def start_time(pid: int) -> int | None:
    """When the process was started, in clock ticks since boot. None when there is none, or it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()  # the name may have spaces and brackets in it
    except OSError:
        return None
    return None if fields[_STATE] in _ENDED else int(fields[_START_TIME])


def load_sessions(path: Path) -> tuple[Session, ...]:
    """What is recorded, whether the shells still are or not. A file that is not there or damaged records nobody."""
    try:
        with open(path, "rb") as file:
            return tuple(Session(_number(pid), _number(start)) for pid, start in json.loads(file.read(_SIZE_MAX)))
    except (OSError, ValueError, TypeError, RecursionError):
        return ()


def save_sessions(path: Path, sessions: Iterable[Session]) -> None:
    """Replace the record in one step. Raises OSError.

    Not synced, as nothing of it outlives a boot, and an activation waits for it.
    """
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump([[session.pid, session.start_time] for session in sessions], file)
    os.replace(temporary, path)


def active_sessions(path: Path) -> tuple[Session, ...]:
    """The shells that are recorded and still live."""
    return tuple(session for session in load_sessions(path) if start_time(session.pid) == session.start_time)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise TypeError(f"expected a number, got {value!r}")
    return value
