"""Runs commands of cleanenv as children: the engine's library has no place in the server's memory."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from cleanenv.errors import EngineError
from cleanenv.server.control_server import END_SIGNALS

__all__ = ["COMMAND_TIMEOUT_S", "Command"]

COMMAND_TIMEOUT_S = 120.0

_OUTPUT_MAX = 8 << 10  # bytes of what the child says that are passed on
_MARK = "cleanenv: "


class Command:
    """A command and the variables that it gets. `what` it does names it in errors."""

    def __init__(
        self, what: str, command: Sequence[str], variables: Mapping[str, str], timeout_s: float = COMMAND_TIMEOUT_S
    ) -> None:
        self._what = what
        self._command = tuple(command)
        self._variables = dict(variables)
        self._timeout_s = timeout_s

    def run(self) -> tuple[str, ...]:
        """Return what the command warned of, when it is done. Raises EngineError with what it said."""
        # A file, not a pipe: it never fills up, and a daemon that the child starts does not keep it open.
        with open(os.memfd_create("cleanenv-command", os.MFD_CLOEXEC), "w+b", buffering=0) as output:
            try:
                process = self._spawn(output.fileno())
            except OSError as error:
                raise EngineError(self._what, f"{self._command[0]}: {error.strerror}") from error
            try:
                status = process.wait(self._timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                why = f"it did not end within {self._timeout_s:g} s"
                raise EngineError(self._what, why, "docker ps") from None
            size = os.fstat(output.fileno()).st_size
            said = os.pread(output.fileno(), _OUTPUT_MAX, max(0, size - _OUTPUT_MAX))
        lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
        if status == 0:
            return tuple(line.removeprefix(_MARK) for line in lines if line.startswith(_MARK))
        raise _error_of(self._what, lines, status)

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


def _error_of(doing: str, lines: Sequence[str], status: int) -> EngineError:
    """The error that the child printed as `cleanenv: WHAT: WHY` and `hint: HINT`."""
    hint = next((line.removeprefix("hint: ") for line in lines if line.startswith("hint: ")), None)
    for line in reversed(lines):
        if line.startswith(_MARK):
            what, colon, why = line.removeprefix(_MARK).partition(": ")
            return EngineError(what, why, hint) if colon else EngineError(doing, what, hint)
    return EngineError(doing, lines[-1] if lines else f"it ended with status {status} and said nothing", hint)
