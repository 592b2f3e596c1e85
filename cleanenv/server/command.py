"""Runs commands of cleanenv as children: the engine's library has no place in the server's memory."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence

from cleanenv.errors import EngineError
from cleanenv.server.control_server import END_SIGNALS

__all__ = ["COMMAND_TIMEOUT_S", "SharedCommand"]

COMMAND_TIMEOUT_S = 120.0

_OUTPUT_MAX = 8 << 10  # bytes of what the child says that are passed on
_MARK = "cleanenv: "


class SharedCommand:
    """Runs the command once for all who ask while it runs: they share its result. `what` it does names it in errors."""

    def __init__(
        self, what: str, command: Sequence[str], variables: Mapping[str, str], timeout_s: float = COMMAND_TIMEOUT_S
    ) -> None:
        self._what = what
        self._command = tuple(command)
        self._variables = dict(variables)
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._current: _Run | None = None

    def run(self) -> tuple[str, ...]:
        """Return what the command warned of, when it is done. Raises EngineError with what it said."""
        with self._lock:
            run = self._current
            is_first = run is None
            if run is None:
                run = self._current = _Run()
        if is_first:
            try:
                run.warnings, run.error = self._run()
            finally:
                with self._lock:
                    self._current = None
                run.done.set()
        else:
            run.done.wait()  # bounded by the other's own timeout
        if run.error is not None:
            raise EngineError(run.error.what, run.error.why, run.error.hint)
        return run.warnings

    def _run(self) -> tuple[tuple[str, ...], EngineError | None]:
        # A file, not a pipe: it never fills up, and a daemon that the child starts does not keep it open.
        with open(os.memfd_create("cleanenv-command", os.MFD_CLOEXEC), "w+b", buffering=0) as output:
            try:
                process = self._spawn(output.fileno())
            except OSError as error:
                return (), EngineError(self._what, f"{self._command[0]}: {error.strerror}")
            try:
                status = process.wait(self._timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return (), EngineError(self._what, f"it did not end within {self._timeout_s:g} s", "docker ps")
            size = os.fstat(output.fileno()).st_size
            said = os.pread(output.fileno(), _OUTPUT_MAX, max(0, size - _OUTPUT_MAX))
        lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        if status == 0:
            return tuple(line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)), None
        return (), _error_of(self._what, lines, status)

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
        self.warnings: tuple[str, ...] = ()
        self.error: EngineError | None = None


def _error_of(doing: str, lines: Sequence[str], status: int) -> EngineError:
    """The error that the child printed as `cleanenv: WHAT: WHY` and `hint: HINT`."""
    hint = next((line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")), None)
    for line in reversed(lines):
        if line.startswith(_MARK):
            what, colon, why = line.removeprefix(_MARK).partition(": ")
            return EngineError(what, why, hint) if colon else EngineError(doing, what, hint)
    return EngineError(doing, lines[-1] if lines else f"it ended with status {status} and said nothing", hint)
