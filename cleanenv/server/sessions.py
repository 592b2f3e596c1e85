"""The sessions of one environment: which shells are in it, and when they are gone."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from cleanenv.errors import UsageError
from cleanenv.sessions import Session, load_sessions, save_sessions, start_time

__all__ = ["HostProcesses", "Processes", "SessionBook"]

_log = logging.getLogger(__name__)


class Processes(Protocol):
    """The processes of the host."""

    def start_time(self, pid: int) -> int | None:
        """When it was started, in clock ticks since boot; None when it has ended."""

    def owner(self, pid: int) -> int | None:
        """The user that it runs as."""

    def watch(self, pid: int) -> int | None:
        """A descriptor, the caller's, that becomes readable at its end; None where the kernel has none to give."""


class HostProcesses:
    """Those of this host."""

    def start_time(self, pid: int) -> int | None:
        return start_time(pid)

    def owner(self, pid: int) -> int | None:
        try:
            return os.stat(f"/proc/{pid}").st_uid
        except OSError:
            return None

    def watch(self, pid: int) -> int | None:
        try:
            return os.pidfd_open(pid)  # since Linux 5.3
        except OSError:
            return None


class SessionBook:
    """Every session is recorded in the file at `path` before anybody is told of it: it outlives this process.

    A session that was recorded before counts until `remove_ended`. For several threads.
    """

    def __init__(self, path: Path, user: int, processes: Processes) -> None:
        self._path = path
        self._user = user
        self._processes = processes
        self._lock = threading.Lock()
        self._watches = {session: self._watch(session) for session in load_sessions(path)}

    @property
    def sessions(self) -> tuple[Session, ...]:
        with self._lock:
            return tuple(self._watches)

    @property
    def is_watched(self) -> bool:
        """Whether each session has a descriptor that tells of its end; else it has to be looked for."""
        with self._lock:
            return None not in self._watches.values()

    def enter(self, pid: int) -> None:
        """Make the process a session; once is enough. Raises UsageError when it is not the user's, or has ended."""
        what = f"session of process {pid}"
        start = self._processes.start_time(pid)
        if start is None:
            raise UsageError(what, "there is no such process")
        if self._processes.owner(pid) != self._user:
            raise UsageError(what, "it is another user's process")
        session = Session(pid, start)
        with self._lock:
            if session in self._watches:
                return
            self._save((*self._watches, session))
            self._watches[session] = self._watch(session)

    def leave(self, pid: int) -> bool:
        """End the session of that process. Whether it was the last one."""
        return self._remove([session for session in self.sessions if session.pid == pid])

    def remove_ended(self) -> bool:
        """End the sessions whose processes are gone. Whether the last one was among them."""
        processes = self._processes
        return self._remove([each for each in self.sessions if processes.start_time(each.pid) != each.start_time])

    def register(self, poll: select.poll) -> None:
        """Have the poll wait for the ends of processes as well; closed descriptors it reports (POLLNVAL)."""
        with self._lock:
            for watch in self._watches.values():
                if watch is not None:
                    poll.register(watch, select.POLLIN)

    def _watch(self, session: Session) -> int | None:
        """The descriptor is that of the process that was meant: its time of start is looked at afterwards."""
        watch = self._processes.watch(session.pid)
        if watch is not None and self._processes.start_time(session.pid) != session.start_time:
            os.close(watch)
            return None
        return watch

    def _remove(self, ended: Sequence[Session]) -> bool:
        with self._lock:
            present = [session for session in ended if session in self._watches]
            for session in present:
                watch = self._watches.pop(session)
                if watch is not None:
                    os.close(watch)
            if present:
                with contextlib.suppress(OSError):  # a record of one who is gone counts for nothing
                    self._save(self._watches)
            return bool(present) and not self._watches

    def _save(self, sessions: Sequence[Session] | dict[Session, int | None]) -> None:
        save_sessions(self._path, sessions)
