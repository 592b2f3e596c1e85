"""How long the laws are tried, and the launcher's path code as a program of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

from tests.pathmap.cases import DRIVER

# `make nightly`: examples for each law, and there are twenty.
settings.register_profile("nightly", max_examples=10_000)


@pytest.fixture(scope="session")
def launcher_driver() -> Path:
    """Built when a test needs it."""
    native = DRIVER.parents[2]
    made = subprocess.run(["make", "-C", native, "driver"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return DRIVER
