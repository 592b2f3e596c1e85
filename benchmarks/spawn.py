"""Starting a program and waiting for its end, with as little of Python in between as there can be.

posix_spawn, not fork: the C library then starts the program without a copy of this process, as a shell in C
or make would, so that the size of the interpreter is in no figure.
"""

from __future__ import annotations

import os
import subprocess
import time

__all__ = ["ProgramFailedError", "milliseconds", "run"]

# No terminal: a program of the environment would get one of its own, and its native twin would not.
_NULL = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
_STANDARD = [(os.POSIX_SPAWN_DUP2, _NULL, number) for number in (0, 1, 2)]


class ProgramFailedError(Exception):
    """A program that is measured did not end with status 0."""


def run(command: list[str]) -> None:
    """Run a program, named by its path, to its end. Raises ProgramFailedError with what it says."""
    child = os.posix_spawn(command[0], command, os.environ, file_actions=_STANDARD)
    _, status = os.waitpid(child, 0)
    if status != 0:
        again = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
        said = (again.stderr or again.stdout).strip() or f"wait status {status}"
        raise ProgramFailedError(f"{' '.join(command)}: {said}")


def milliseconds(command: list[str]) -> float:
    """How long a program takes from its start to its end."""
    before = time.perf_counter_ns()
    run(command)
    return (time.perf_counter_ns() - before) / 1e6
