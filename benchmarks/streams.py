"""How fast bytes go through a program."""

from __future__ import annotations

import os
import subprocess
import time

from benchmarks import spawn

__all__ = ["DIAGNOSTICS", "gigabytes_per_second", "text_gigabytes_per_second"]

# As compilers write them: a name of the host's root below /r in every third line.
DIAGNOSTICS = (
    "/r/home/ada/project/src/main.c:12:5: error: unknown type name 'foo'; did you mean 'fop'?\n"
    "   12 |     foo bar = baz(1, 2, 3); // see /usr/include/stdio.h\n"
    "      |     ^~~\n"
)


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


def text_gigabytes_per_second(cat: str, file: str, times: int, text: str) -> float:
    """Have `cat` write a file that often, with CLEANENV_TEXT=`text`. Raises ProgramFailedError when it fails."""
    size = os.path.getsize(file) * times
    before = time.perf_counter_ns()
    with subprocess.Popen(
        [cat, *[file] * times], stdout=subprocess.PIPE, env={**os.environ, "CLEANENV_TEXT": text}
    ) as program:
        subprocess.run(["wc", "-c"], stdin=program.stdout, stdout=subprocess.DEVNULL, check=True)
    seconds = (time.perf_counter_ns() - before) / 1e9
    if program.returncode != 0:
        raise spawn.ProgramFailedError(f"{cat}: it ended with {program.returncode}")
    return size / seconds / 1e9
