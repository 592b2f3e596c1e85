"""Makes the container run, by a child: the engine's library has no place in the server's memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence

from cleanenv.errors import EngineError
from cleanenv.server.control_server import END_SIGNALS

__all__ = ["START_TIMEOUT_S", "ContainerStarter"]

START_TIMEOUT_S = 120.0

_OUTPUT_MAX = 8 << 10  # bytes of what the child says that are passed on
_WHAT = "start of the container"


class ContainerStarter:
    """Runs the command for all who ask while it runs: they share its result."""

    def __init__(
        self, command: Sequence[str], variables: Mapping[str, str], timeout_s: float = START_TIMEOUT_S
    ) -> None:
        self._command = tuple(command)
        self._variables = dict(variables)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._current: _Run | None = None

    def start(self) -> None:
        """Return when the container runs. Raises EngineError with what the command said."""
        with self._lock:
            run = self._current
            is_first = run is None
            if run is None:
                run = self._current = _Run()
        if is_first:
            try:
                run.error = self._run()
            finally:
                with self._lock:
                    self._current = None
                run.done.set()
        else:
            run.done.wait()  # bounded by the other's own timeout
        if run.error is not None:
            raise EngineError(run.error.what, run.error.why, run.error.hint)

    def _run(self) -> EngineError | None:
        # A file, not a pipe: it never fills up, and a daemon that the child starts does not keep it open.
        with open(os.memfd_create("cleanenv-start", os.MFD_CLOEXEC), "w+b", buffering=0) as output:
            try:
                process = self._spawn(output.fileno())
            except OSError as error:
                return EngineError(_WHAT, f"{self._command[0]}: {error.strerror}")
            try:
                status = process.wait(self._timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return EngineError(_WHAT, f"it did not end within {self._timeout_s:g} s", "docker ps")
            if status == 0:
                return None
            size = os.fstat(output.fileno()).st_size
            said = os.pread(output.fileno(), _OUTPUT_MAX, max(0, size - _OUTPUT_MAX))
        return _error_of(said.decode("utf-8", "replace"), status)

    def _spawn(self, output: int) -> subprocess.Popen[bytes]:
        # The threads of the server block these signals, and a child inherits that through exec.
        blocked = signal.pthread_sigmask(signal.SIG_UNBLOCK, END_SIGNALS)
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=self._variables,
                start_new_session=True,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


class _Run:
    """One run of the command, and those who wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: EngineError | None = None


def _error_of(said: str, status: int) -> EngineError:
    """The error that the child printed as `cleanenv: WHAT: WHY` and `hint: HINT`."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    hint = None
    with contextlib.suppress(StopIteration):
        hint = next(line.removeprefix("hint: ") for line in lines if line.startswith("hint: "))
    for line in reversed(lines):
        if line.startswith("cleanenv: "):
            what, colon, why = line.removeprefix("cleanenv: ").partition(": ")
            return EngineError(what, why, hint) if colon else EngineError(_WHAT, what, hint)
    return EngineError(_WHAT, lines[-1] if lines else f"it ended with status {status} and said nothing", hint)
