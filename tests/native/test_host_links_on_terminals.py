"""Programs of the host on a terminal of the container: what a person sees is what is seen natively.

The keeper of a terminal (native/agent/keeper.h) is the same in both directions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.native.conftest import IDENTITY
from tests.native.terminal_scenarios import PROGRAMS, SCENARIOS, Scenario, play
from tests.native.test_host_links import outward

# Those of a person's shell (terminal_scenarios.Person) that a program of the host has from its user.
VARIABLES = {
    "PS1": "$ ", "PS2": "> ", "INPUTRC": "/dev/null", "LC_ALL": "C.UTF-8", "LESSHISTFILE": "-", "HISTFILE": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def directory() -> Iterator[str]:
    with outward(VARIABLES) as here:
        here.link(IDENTITY, **{name: f"/usr/bin/{name}" for name in PROGRAMS})
        yield str(here.runtime / "bin")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_natively(scenario: Scenario, directory: str, tmp_path: Path) -> None:
    native = play(scenario, "bash", "/usr/bin", tmp_path / "native")
    assert play(scenario, "bash", directory, tmp_path / "environment") == native
