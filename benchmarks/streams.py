"""How fast bytes go through a program."""

from __future__ import annotations

import subprocess
import time

from benchmarks import spawn

__all__ = ["gigabytes_per_second"]


def gigabytes_per_second(cat: str, size: int) -> float:
    """Send `size` bytes through `cat`. Raises ProgramFailedError when not all of them arrive."""
    before = time.perf_counter_ns()
    with (
        subprocess.Popen(["head", "-c", str(size), "/dev/zero"], stdout=subprocess.PIPE) as source,
        subprocess.Popen([cat], stdin=source.stdout, stdout=subprocess.PIPE) as middle,
    ):
        counted = subprocess.run(["wc", "-c"], stdin=middle.stdout, stdout=subprocess.PIPE, check=True)
    seconds = (time.perf_counter_ns() - before) / 1e9
    if middle.returncode != 0 or int(counted.stdout) != size:
        raise spawn.ProgramFailedError(f"{cat}: {int(counted.stdout)} of {size} bytes arrived")
    return size / seconds / 1e9
