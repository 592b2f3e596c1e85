"""The agent on the host: who starts the programs that the container may call (docs/host-links.md).

It is the same program as in the container, run as the user. A launcher inside that finds nobody asks here, on a control
socket that knows one verb. The agent is started only while a shell is in the environment or a program of it is called;
it is ended when neither is true any more, and rests when nobody has called the host for a while.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping

from cleanenv import gate
from cleanenv.agent.activity import Activity, ask_activity
from cleanenv.errors import AgentError, CleanenvError, EnvironmentStateError
from cleanenv.model.environment import RuntimePaths
from cleanenv.server.control_server import END_SIGNALS, Answer, ControlServer

__all__ = ["HostAgent"]

_LOOK_S = 1.0
_REST_S = 10.0
_START_S = 5.0
_POLL_S = 0.004  # it listens some milliseconds after it was started; there is nothing to wait on

_log = logging.getLogger(__name__)


class HostAgent:
    """Any thread may call its methods. `is_used` tells whether a shell or a call is in the environment.

    `program` is the agent's file, `owner` the one user that it serves.
    """

    def __init__(self, runtime: RuntimePaths, program: str, owner: int, is_used: Callable[[], bool]) -> None:
        self._table = runtime.host_table
        # To a launcher in the container it is a runtime directory, and so it is laid out like one.
        self._inside = RuntimePaths(runtime.host_directory)
        self._program = program
        self._owner = owner
        self._is_used = is_used
        self._lock = threading.Lock()
        self._control: ControlServer | None = None
        self._variables: Mapping[str, str] = {}
        self._running: _Running | None = None
        self._ended: list[_Running] = []

    def replace(self, variables: Mapping[str, str] | None) -> None:
        """Give programs that start from now on these variables; None: there are no host links. Raises MountError."""
        with self._lock:
            self._variables = variables or {}
            if variables is None:
                self._close()
            elif self._control is None:
                self._control = ControlServer(
                    str(self._inside.control_socket), {self._owner}, {"start": self._handle_start}
                )
                self._control.start()

    def close(self) -> None:
        """Take no more calls; programs of the host that run get HUP."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        self._end()

    def _handle_start(self, _argument: object) -> Answer:
        with self._lock:
            if self._control is None or not self._is_used():
                raise EnvironmentStateError(
                    "program of the host",
                    "no shell is in the environment, and no program of it is being called",
                    "on the host: activate the environment",
                )
            if self._running is None or self._running.has_ended():
                self._start()
        return Answer({})

    def _start(self) -> None:
        directory = self._inside.agent_directory
        directory.mkdir(mode=0o700, exist_ok=True)
        gate.open_again(self._inside)
        self._running = _Running(
            (self._program, "--socket", "agent.sock", "--owner", str(self._owner), "--programs", str(self._table)),
            str(directory),
            self._variables,
        )
        deadline = time.monotonic() + _START_S
        while True:
            try:
                ask_activity(directory)
            except AgentError as error:
                if self._running.has_ended() or time.monotonic() >= deadline:
                    self._end()
                    raise EnvironmentStateError("agent of the host", f"it does not start: {error.why}") from error
                time.sleep(_POLL_S)
            else:
                break
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        try:
            threading.Thread(target=self._tend, args=(self._running,), name="host agent", daemon=True).start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._ended.append(self._running)
            self._running = None

    def _tend(self, running: _Running) -> None:
        while running.wait(_LOOK_S) is None:
            with self._lock:
                if self._running is not running:
                    break
                if not self._is_used():
                    self._end()
                else:
                    self._rest()
        running.wait(None)  # bounded by the grace of its programs; it must not stay a zombie
        with self._lock:
            self._ended = [each for each in self._ended if not each.has_ended()]

    def _rest(self) -> None:
        """End an agent that nobody calls; that is looked at once more when nobody can."""
        running = self._running
        try:
            if running is None or not _is_idle(ask_activity(self._inside.agent_directory)):
                return
            with gate.closed(self._inside):
                if _is_idle(ask_activity(self._inside.closing_directory)):
                    self._end()
                    running.wait(_START_S)
        except (OSError, CleanenvError) as error:
            _log.warning("agent of the host: %s", error)


class _Running:
    """An agent's process. It lives as long as this end of the lifeline is open: no longer than the server."""

    def __init__(self, command: tuple[str, ...], directory: str, variables: Mapping[str, str]) -> None:
        lifeline, self._held = os.pipe2(os.O_CLOEXEC)
        try:
            self._process = subprocess.Popen(
                (*command, "--lifeline", str(lifeline)),
                cwd=directory,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(lifeline,),
            )
        except OSError as error:
            os.close(self._held)
            raise EnvironmentStateError(f"agent {command[0]}", error.strerror or str(error)) from error
        finally:
            os.close(lifeline)

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, seconds: float | None) -> int | None:
        """Its exit status, or None when it has not ended within that time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def end(self) -> None:
        """Tell it to end its programs and itself. To be called once."""
        os.close(self._held)


def _is_idle(activity: Activity) -> bool:
    return activity.calls == 0 and activity.idle_s >= _REST_S
