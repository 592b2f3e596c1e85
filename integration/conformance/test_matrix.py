"""The behaviour matrix: the same program run natively is the oracle."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.conformance.matrix import LINKS, ROWS, Row
from integration.main_job.caller import Caller
from integration.main_job.traces import remove_all


@pytest.fixture(scope="session")
def directory(me: Caller, ground: Path, debian: str) -> Iterator[str]:
    """The bin directory of an environment with the programs of the rows."""
    place = Path(tempfile.mkdtemp(prefix="matrix-", dir=ground))
    try:
        path = place / "env"
        result = me.cleanenv("create", "-b", debian, "--sudo", *(f"--link={link}" for link in LINKS), path)
        assert result.returncode == 0, result
        yield str(path / "bin")
    finally:
        remove_all(me, place)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.area}: {row.name}")
def test_as_natively(row: Row, directory: str, tmp_path: Path) -> None:
    outcome = row.play(directory, tmp_path / "row")
    assert outcome.environment.seen == outcome.native.seen
