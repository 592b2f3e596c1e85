"""Starts the container for all who ask at the same time."""

from __future__ import annotations

import fcntl
import threading
import time

from cleanenv import gate
from cleanenv.agent.activity import ask_activity
from cleanenv.engine.restart import restart
from cleanenv.errors import AgentError, CleanenvError, EngineError
from cleanenv.model.environment import EnvironmentPaths, RuntimePaths
from cleanenv.model.state import load_state
from cleanenv.server.command import Command

__all__ = ["ContainerStart"]

_ENGINE_TIMEOUT_S = 60.0
_AGENT_TIMEOUT_S = 5.0
_POLL_S = 0.004  # the agent listens some 20 ms after the engine says "started"; there is nothing to wait on


class ContainerStart:
    """Starts it by one request to the engine where it `is_plain`, with nothing to be run then.

    Else, and where that fails, by the command, which mends what can be mended and says what cannot.
    """

    def __init__(self, paths: EnvironmentPaths, runtime: RuntimePaths, command: Command, *, is_plain: bool) -> None:
        self._paths = paths
        self._runtime = runtime
        self._command = command
        self._is_plain = is_plain
        self._lock = threading.Lock()
        self._current: _Run | None = None

    def run(self) -> tuple[str, ...]:
        """Return what starting it warned of, when it runs. Raises EngineError."""
        with self._lock:
            run = self._current
            is_first = run is None
            if run is None:
                run = self._current = _Run()
        if is_first:
            try:
                run.warnings = self._start()
            except EngineError as error:
                run.error = error
            finally:
                with self._lock:
                    self._current = None
                run.done.set()
        else:
            run.done.wait()  # bounded by the other's own timeouts
        if run.error is not None:
            raise EngineError(run.error.what, run.error.why, run.error.hint)
        return run.warnings

    def _start(self) -> tuple[str, ...]:
        if self._is_plain and self._restart():
            return ()
        return self._command.run()

    def _restart(self) -> bool:
        """Whether it runs, and its agent listens. No command may be at work on the environment meanwhile."""
        try:
            with open(self._runtime.lock, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                gate.open_again(self._runtime)
                address = self._runtime.engine.read_text("utf-8", "surrogateescape")
                state = load_state(self._paths.state.read_text("ascii", "replace"), str(self._paths.state))
                return restart(address, state.container_id, _ENGINE_TIMEOUT_S) and self._await_agent()
        except (OSError, CleanenvError):
            return False

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


class _Run:
    """One start, and those who wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.warnings: tuple[str, ...] = ()
        self.error: EngineError | None = None
