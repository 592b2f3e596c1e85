"""What a name costs: a shell asks the live directory for every command that it has not found before."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable

__all__ = ["missing_name", "present_name"]

_BATCH = 100
_numbers = itertools.count()


def missing_name(directory: str) -> Callable[[], float]:
    """Microseconds to learn that a name is not there: a batch of other names each time."""

    def measure() -> float:
        paths = [f"{directory}/no-such-program-{next(_numbers)}" for _ in range(_BATCH)]
        # access(2) and not stat: it says "no" without the cost of an exception of Python.
        return _microseconds(lambda path: os.access(path, os.X_OK), paths)

    return measure


def present_name(path: str) -> Callable[[], float]:
    """Microseconds for stat(2) of a file that is there."""
    paths = [path] * _BATCH
    return lambda: _microseconds(os.stat, paths)


def _microseconds(call: Callable[[str], object], paths: list[str]) -> float:
    before = time.perf_counter_ns()
    for path in paths:
        call(path)
    return (time.perf_counter_ns() - before) / 1e3 / len(paths)
