"""docs/paths.md has the profiles and the variables that the programs have."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _run(*arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "scripts/path-tables"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_the_page_is_up_to_date() -> None:
    assert _run("--check") == (0, "")


def test_another_word_is_refused() -> None:
    assert _run("--write") == (2, "usage: path-tables [--check]\n")
