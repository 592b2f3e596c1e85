"""When the container of an environment is started and stopped.

It is started by a call or a shell that finds it down. It is stopped when the last shell has left; and, where no shell
is in the environment, when no program was called for a time. What decides is looked at once more by the command that
stops it, when nobody can call any more (cleanenv/gate.py): nobody who comes meanwhile is lost.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import math
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Protocol

from cleanenv.agent.activity import Activity
from cleanenv.errors import AgentError, CleanenvError
from cleanenv.server.control_server import END_SIGNALS
from cleanenv.server.sessions import SessionBook

__all__ = ["Lifetime", "Switch"]

_WAIT_MAX_S = 3600.0
_LOOK_S = 2.0  # between two looks for the ends of processes that the kernel does not tell of

_log = logging.getLogger(__name__)


class Switch(Protocol):
    """What cleanenv.server.container_switch.ContainerSwitch does."""

    def start(self) -> tuple[str, ...]: ...

    def stop_when_left(self, is_left: Callable[[], bool], /) -> tuple[str, ...]: ...

    def stop_when_idle(self) -> tuple[str, ...]: ...


class Lifetime:
    """Knows the sessions and acts on them. Any thread may call its methods, but `tend` is for one.

    An `idle_timeout_s` of 0 is never.
    """

    def __init__(
        self,
        book: SessionBook,
        switch: Switch,
        activity: Callable[[], Activity],
        lock_path: str,
        *,
        persistent: bool,
        idle_timeout_s: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._switch = switch
        self._persistent = persistent
        self._idle_timeout_s = idle_timeout_s
        self._activity = activity
        self._lock_path = lock_path
        self._clock = clock
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._look_at = clock()

    def start(self) -> None:
        """Tend the sessions in a thread, which lives as long as the process."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        try:
            threading.Thread(target=self._run, name="lifetime", daemon=True).start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def replace(self, switch: Switch, *, persistent: bool, idle_timeout_s: int) -> None:
        """Act by these from now on."""
        self._switch = switch
        self._persistent = persistent
        self._idle_timeout_s = idle_timeout_s
        self._look_at = self._clock()
        self._notify()

    def start_container(self) -> tuple[str, ...]:
        """Return when the container runs and has run on_activate; what that warned of. Raises EngineError."""
        if self._is_up() and self._is_settled():
            return ()
        return self._switch.start()

    def enter(self, pid: int) -> tuple[str, ...]:
        """Make the process a session of a container that runs. Raises UsageError, EngineError; then it is none."""
        self._book.enter(pid)
        self._notify()
        try:
            return self.start_container()
        except BaseException:
            self._book.leave(pid)
            raise

    def leave(self, pid: int) -> tuple[str, ...]:
        """End the session of the process. With the last one the container is stopped when this returns.

        So what is called next does not run into the stop. Returns what stopping warned of. Raises EngineError.
        """
        return self._stop() if self._book.leave(pid) else ()

    def tend(self) -> float:
        """Stop the container if it is time to. Returns how many seconds there are until the next look."""
        if self._book.remove_ended():
            self._log(self._stop)
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + self._look_at_activity()
        left = max(0.0, self._look_at - now)
        if not self._book.is_watched:
            left = min(left, _LOOK_S)
        return left

    def _look_at_activity(self) -> float:
        """How long from now on it cannot be time to stop."""
        timeout = self._idle_timeout_s
        if timeout == 0 or self._persistent:
            return math.inf
        if self._book.sessions:
            return timeout
        try:
            activity = self._activity()
        except AgentError:  # mostly: it does not run
            return timeout
        if activity.calls:
            return timeout
        if activity.idle_s < timeout:
            return timeout - activity.idle_s
        self._log(self._switch.stop_when_idle)
        return timeout

    def _stop(self) -> tuple[str, ...]:
        return () if self._persistent else self._switch.stop_when_left(lambda: not self._book.sessions)

    def _log(self, act: Callable[[], tuple[str, ...]]) -> None:
        """Do what nobody waits for."""
        try:
            for warning in act():
                _log.warning("%s", warning)
        except CleanenvError as error:
            _log.error("%s", error)

    def _is_up(self) -> bool:
        try:
            self._activity()
        except AgentError:
            return False
        return True

    def _is_settled(self) -> bool:
        """Whether no command is at work on the environment: one that starts it may not be done with on_activate."""
        try:
            with open(self._lock_path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # held, or there is none: a command that starts it knows better
            return False
        return True

    def _notify(self) -> None:
        os.eventfd_write(self._wake, 1)

    def _run(self) -> None:
        while True:
            try:
                left = self.tend()
            except Exception:  # noqa: BLE001 (nobody else would look after them)
                _log.exception("the sessions could not be looked after")
                left = _LOOK_S
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            self._book.register(poll)
            poll.poll(math.ceil(min(left, _WAIT_MAX_S) * 1000))
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
