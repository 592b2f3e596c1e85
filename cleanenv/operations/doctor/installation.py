"""Whether this installation of cleanenv is complete."""

from __future__ import annotations

from collections.abc import Iterator

from cleanenv.operations import live
from cleanenv.operations.doctor.finding import Finding

__all__ = ["examine"]


def examine() -> Iterator[Finding]:
    """The native programs that are missing."""
    for name in ("agent", "launcher", "libpathmap.so"):
        program = live.native_program(name)
        if not program.is_file():
            why = "this installation of cleanenv was not built"
            yield Finding(f"program {program}", why, "pip install --force-reinstall cleanenv")
