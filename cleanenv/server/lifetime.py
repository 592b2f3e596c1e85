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
from dataclasses import dataclass

from cleanenv.agent.activity import Activity
from cleanenv.errors import AgentError, CleanenvError
from cleanenv.server.command import Command
from cleanenv.server.container_start import ContainerStart
from cleanenv.server.control_server import END_SIGNALS
from cleanenv.server.sessions import SessionBook

__all__ = ["Commands", "Lifetime", "Policy"]

_WAIT_MAX_S = 3600.0
_LOOK_S = 2.0  # between two looks for the ends of processes that the kernel does not tell of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Commands:
    """What changes the container. The stops do nothing where a shell, or a call, came in between."""

    start: ContainerStart
    stop_when_left: Command
    stop_when_idle: Command


@dataclass(frozen=True, slots=True)
class Policy:
    """`idle_timeout_s` is 0 where the container is never stopped for being idle.

    With `has_farewell` there are programs to run when the last shell leaves, and it is told how they end.
    """

    persistent: bool
    idle_timeout_s: int
    has_farewell: bool


class Lifetime:
    """Knows the sessions and acts on them. Any thread may call its methods, but `tend` is for one."""

    def __init__(
        self,
        book: SessionBook,
        commands: Commands,
        policy: Policy,
        activity: Callable[[], Activity],
        lock_path: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._commands = commands
        self._policy = policy
        self._activity = activity
        self._lock_path = lock_path
        self._clock = clock
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_left = False
        self._look_at = clock()

    def start(self) -> None:
        """Tend the sessions in a thread, which lives as long as the process."""
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        try:
            threading.Thread(target=self._run, name="lifetime", daemon=True).start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def replace(self, commands: Commands, policy: Policy) -> None:
        """Act by these from now on."""
        self._commands = commands
        self._policy = policy
        self._look_at = self._clock()
        self._notify()

    def start_container(self) -> tuple[str, ...]:
        """Return when the container runs and has run on_activate; what that warned of. Raises EngineError."""
        if self._is_up() and self._is_settled():
            return ()
        return self._commands.start.run()

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
        """End the session of the process. The last one waits for on_deactivate, and hears what that warned of."""
        if not self._book.leave(pid) or self._policy.persistent:
            return ()
        if self._policy.has_farewell:
            return self._commands.stop_when_left.run()
        self._is_left = True
        self._notify()
        return ()

    def tend(self) -> float:
        """Stop the container if it is time to. Returns how many seconds there are until the next look."""
        if self._book.remove_ended():
            self._is_left = True
        if self._is_left:
            self._is_left = False
            if not self._policy.persistent:
                self._stop(self._commands.stop_when_left)
        now = self._clock()
        if now >= self._look_at:
            self._look_at = now + self._look_at_activity()
        left = max(0.0, self._look_at - now)
        if not self._book.is_watched:
            left = min(left, _LOOK_S)
        return left

    def _look_at_activity(self) -> float:
        """How long from now on it cannot be time to stop."""
        timeout = self._policy.idle_timeout_s
        if timeout == 0:
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
        self._stop(self._commands.stop_when_idle)
        return timeout

    def _stop(self, command: Command) -> None:
        try:
            for warning in command.run():
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
