"""Starts and stops the container for who waits for it: a call, or a shell that enters or leaves."""

from __future__ import annotations

import contextlib
import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from cleanenv import gate
from cleanenv.agent.activity import ask_activity
from cleanenv.engine import plain_requests
from cleanenv.errors import AgentError, CleanenvError, EngineError
from cleanenv.model.container import STOP_GRACE_S
from cleanenv.model.state import load_state
from cleanenv.server.command import COMMAND_TIMEOUT_S, Command
from cleanenv.server.settings import ServerSettings

__all__ = ["ContainerSwitch"]

_AGENT_TIMEOUT_S = 5.0
_LOCK_TIMEOUT_S = 1.0  # a snapshot's last steps take less, and the start of a command takes half of it
_POLL_S = 0.004  # the agent listens some 20 ms after the engine says "started"; there is nothing to wait on


class ContainerSwitch:
    """Does it by one request to the engine where nothing is to be run then.

    Else, and where that fails, it runs a command, which mends what can be mended and says what cannot. What is returned
    is what that warned of.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._runtime = settings.runtime_paths
        self._lock = threading.Lock()
        self._current: _Start | None = None

    def start(self) -> tuple[str, ...]:
        """Return when the container runs; all who ask meanwhile share one start. Raises EngineError."""
        with self._lock:
            start = self._current
            is_first = start is None
            if start is None:
                start = self._current = _Start()
        if is_first:
            try:
                start.warnings = self._start()
            except EngineError as error:
                start.error = error
            finally:
                with self._lock:
                    self._current = None
                start.done.set()
        else:
            start.done.wait()  # bounded by the other's own timeouts
        if start.error is not None:
            raise EngineError(start.error.what, start.error.why, start.error.hint)
        return start.warnings

    def stop_when_left(self, is_left: Callable[[], bool]) -> tuple[str, ...]:
        """Return when it has stopped; nothing is done where, when nobody can call any more, it is not left after all.

        Raises EngineError.
        """
        if not self._settings.on_deactivate and self._stop_plainly(is_left):
            return ()
        return self._stop_command("--when-left").run()

    def stop_when_idle(self) -> tuple[str, ...]:
        """The same where no program was called during the idle time. Nobody waits for this."""
        return self._stop_command("--when-idle").run()

    def _start(self) -> tuple[str, ...]:
        if not self._settings.on_activate and self._start_plainly():
            return ()
        return self._command("start", "start", "--container-only").run()

    def _start_plainly(self) -> bool:
        with contextlib.suppress(OSError, CleanenvError), self._alone() as (address, container_id):
            return plain_requests.start(address, container_id) and self._await_agent()
        return False

    def _stop_plainly(self, is_left: Callable[[], bool]) -> bool:
        with (
            contextlib.suppress(OSError, CleanenvError),
            self._alone() as (address, container_id),
            gate.closed(self._runtime),
        ):
            return not is_left() or plain_requests.stop(address, container_id, self._settings.grace + STOP_GRACE_S)
        return False

    @contextlib.contextmanager
    def _alone(self) -> Iterator[tuple[str, str]]:
        """The engine's address and the container's id, while no command is at work on the environment.

        Raises OSError and CleanenvError: when one is for long, and when a command is needed to find them out.
        """
        state_file = self._settings.environment_paths.state
        with open(self._runtime.lock, "rb") as lock:
            _take(lock)
            gate.open_again(self._runtime)
            address = self._runtime.engine.read_text("utf-8", "surrogateescape")
            yield address, load_state(state_file.read_text("ascii", "replace"), str(state_file)).container_id

    def _await_agent(self) -> bool:
        deadline = time.monotonic() + _AGENT_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                ask_activity(self._runtime.agent_directory)
            except AgentError:
                time.sleep(_POLL_S)
            else:
                return True
        return False

    def _stop_command(self, condition: str) -> Command:
        return self._command("stop", "stop", condition, timeout_s=COMMAND_TIMEOUT_S + self._settings.grace)

    def _command(self, what: str, *words: str, timeout_s: float = COMMAND_TIMEOUT_S) -> Command:
        settings = self._settings
        line = (settings.python, "-m", "cleanenv", *words, "-e", settings.environment)
        return Command(f"{what} of the container", line, settings.process_variables(), timeout_s)


class _Start:
    """One start, and those who wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.warnings: tuple[str, ...] = ()
        self.error: EngineError | None = None


def _take(lock: BinaryIO) -> None:
    """Take the lock as soon as it is free. Raises BlockingIOError when that takes long."""
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_S)  # flock(2) has no limit of time
        else:
            return
