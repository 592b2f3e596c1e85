"""What the mapping of a call's paths adds to it: the launcher's own code, timed in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cleanenv.launch_table import dump_launch_table
from cleanenv.model.mount import DEFAULT_MOUNTS, Mount

__all__ = ["ARGUMENTS", "MOUNTS", "measures"]

ARGUMENTS = 100
MOUNTS = 10
_NATIVE = Path(__file__).parents[1] / "native"


@contextlib.contextmanager
def measures() -> Iterator[dict[str, Callable[[], float]]]:
    """Microseconds without arguments, and with a hundred of several kinds; no question goes to a container."""
    subprocess.run(["make", "-C", _NATIVE, "mapping"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory(prefix="cleanenv-bench.", dir="/var/tmp") as base:
        project = Path(base) / "ada/projects/app"
        (project / "src/core").mkdir(parents=True)
        mounts = [Mount(f"{base}/ada/disk{number}", f"/disks/{number}", writable=True) for number in range(MOUNTS - 2)]
        for mount in mounts:
            os.mkdir(mount.host)
        for number in range(ARGUMENTS):
            (project / f"src/core/file{number}.c").touch()
        table = Path(base) / "launch-table"
        table.write_bytes(dump_launch_table("/env", "/home/ada", [*DEFAULT_MOUNTS, *mounts], [], python="/python"))
        yield {
            "none": _measure(table, project, []),
            "words": _measure(table, project, [f"--word{number}" for number in range(ARGUMENTS)]),
            "compiler": _measure(table, project, [_of_a_compiler(project, number) for number in range(ARGUMENTS)]),
            "files": _measure(table, project, [f"{project}/src/core/file{number}.c" for number in range(ARGUMENTS)]),
        }


def _of_a_compiler(project: Path, number: int) -> str:
    """One in ten of each: what a build system writes to a compiler."""
    kinds = (
        f"-I{project}/include{number}",
        f"{project}/src/core/file{number}.c",
        f"-DNAME{number}=1",
        "-Wall",
        f"src/core/file{number}.o",
        "-O2",
        f"{project.parents[1]}/disk{number % 8}/new{number}.o",
        "-o",
        f"build/file{number}.o",
        "-c",
    )
    return kinds[number % len(kinds)]


def _measure(table: Path, project: Path, arguments: list[str]) -> Callable[[], float]:
    command = [str(_NATIVE / "build/static/mapping"), str(table), *arguments]
    return lambda: float(subprocess.run(command, cwd=project, env={}, check=True, stdout=subprocess.PIPE).stdout)
