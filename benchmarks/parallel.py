"""Calls a second when several workers call at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from benchmarks import spawn

__all__ = ["calls_per_second"]


def calls_per_second(command: list[str], *, workers: int, calls: int) -> float:
    """Let `workers` processes run the program `calls` times each, all at the same time."""
    gate_read, gate_write = os.pipe()
    ready_read, ready_write = os.pipe()
    children = []
    for _ in range(workers):
        child = os.fork()
        if child == 0:
            os.close(gate_write)
            _work(lambda: spawn.run(command), calls, ready_write, gate_read)
        children.append(child)
    os.close(gate_read)
    os.close(ready_write)
    for _ in range(workers):
        os.read(ready_read, 1)
    before = time.perf_counter_ns()
    os.close(gate_write)  # the gate opens for all at once
    statuses = [os.waitpid(child, 0)[1] for child in children]
    seconds = (time.perf_counter_ns() - before) / 1e9
    os.close(ready_read)
    if any(statuses):
        raise spawn.ProgramFailedError(f"{command[0]}: a call of {workers} at once failed")
    return workers * calls / seconds


def _work(call: Callable[[], None], calls: int, ready: int, gate: int) -> None:
    """In a worker's process, which ends here."""
    status = 1
    try:
        call()  # the interpreter's own first time is nobody's cost
        os.write(ready, b".")
        os.read(gate, 1)
        for _ in range(calls):
            call()
        status = 0
    finally:
        os._exit(status)
