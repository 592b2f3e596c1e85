"""The end of a terminal or of its shell is what it is natively."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.native.conftest import HostEnvironment
from tests.native.ending_scenarios import ENDINGS, Ending, play_ending


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.name)
def test_as_natively(ending: Ending, environment: HostEnvironment, tmp_path: Path) -> None:
    native = play_ending(ending, "/usr/bin", tmp_path / "native")
    assert native.count("\n") == ending.line.count("$W"), native
    assert play_ending(ending, str(environment.bin), tmp_path / "environment") == native
