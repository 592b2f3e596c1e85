"""Terminals and job control: what a person sees is what is seen natively."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanenv.model.link import Link
from tests.native.conftest import HostEnvironment
from tests.native.terminal_scenarios import PROGRAMS, SCENARIOS, Scenario, play


@pytest.fixture
def directory(environment: HostEnvironment) -> str:
    environment.link(*(Link(name, f"/usr/bin/{name}") for name in PROGRAMS))
    return str(environment.bin)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_natively(scenario: Scenario, directory: str, tmp_path: Path) -> None:
    native = play(scenario, "bash", "/usr/bin", tmp_path / "native")
    assert play(scenario, "bash", directory, tmp_path / "environment") == native
