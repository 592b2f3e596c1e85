"""Many at once: calls a second of several workers, and programs that all run at the same time."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable

from benchmarks import spawn

__all__ = ["calls_per_second", "seconds_of_all_at_once"]


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


def seconds_of_all_at_once(shell: str, count: int) -> float:
    """Have `count` shells run at the same time, and end: until the last has ended.

    Each says that it runs, and then waits for the end of its input, which is everybody's. Raises ProgramFailedError
    when one does not run, or ends with another status than its own.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # subprocess has some of its own for each
    input_read, input_write = os.pipe()
    output_read, output_write = os.pipe()
    before = time.perf_counter_ns()
    programs = [
        subprocess.Popen([shell, "-c", f"echo; read x; exit {number % 256}"], stdin=input_read, stdout=output_write)
        for number in range(count)
    ]
    os.close(input_read)
    os.close(output_write)
    with open(output_read, "rb") as output:
        running = len(output.read(count))
        os.close(input_write)
        rest = output.read()
    statuses = [program.wait() for program in programs]
    seconds = (time.perf_counter_ns() - before) / 1e9
    if running != count or rest or statuses != [number % 256 for number in range(count)]:
        raise spawn.ProgramFailedError(
            f"{shell}: {running} of {count} at once ran, or one ended otherwise than it said"
        )
    return seconds
