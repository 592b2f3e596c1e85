"""The fuzzers' inputs, once each: what was found once is not to come back. `make fuzz` searches for more."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"
TARGETS = sorted(path.stem for path in (NATIVE / "fuzz/targets").glob("*.c"))


@pytest.fixture(scope="module", autouse=True)
def replayers() -> None:
    """Built with the address and undefined-behaviour sanitizers of the system's compiler; no clang needed."""
    # A make above this one hands its own options down by variables.
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    made = subprocess.run(
        ["make", "--no-print-directory", "-C", str(NATIVE), "replayers"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_the_corpus_is_a_finding(target: str) -> None:
    inputs = [str(path) for kind in ("corpus", "found") for path in sorted((NATIVE / "fuzz" / kind / target).glob("*"))]
    assert inputs, "make fuzz-corpus"
    result = subprocess.run(
        [NATIVE / "build/replay" / target, *inputs],
        env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stdout.splitlines()[-1:] + result.stderr.splitlines()
    assert result.stdout.splitlines() == inputs
