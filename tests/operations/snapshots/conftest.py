"""Environments with one link, in whose containers nothing runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cleanenv.model.link import Link
from cleanenv.operations import containers
from tests.operations.harness import Bench

__all__ = ["SH", "USERS_OWN", "busy", "deep", "taken"]

SH = Link("sh", "/bin/sh")
USERS_OWN = "/home/ann"


@pytest.fixture(autouse=True)
def busy(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes programs run in the container; until then there are none."""
    monkeypatch.setattr(containers, "is_idle", lambda _pid: True)
    return lambda: monkeypatch.setattr(containers, "is_idle", lambda _pid: False)


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.create(SH)
    return bench


def taken(bench: Bench, path: str, name: str = "") -> int:
    """A snapshot with one more file."""
    bench.write(path)
    assert bench.take(name) is not None
    return bench.history.position


def deep(bench: Bench, count: int) -> None:
    for number in range(count):
        taken(bench, f"/deep/{number}")
