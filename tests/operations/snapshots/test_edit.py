"""Removing snapshots."""

from __future__ import annotations

import pytest

from cleanenv.errors import UsageError
from tests.operations.harness import Bench
from tests.operations.snapshots.conftest import taken


def test_removed_snapshot_is_gone_with_its_image(bench: Bench) -> None:
    first = taken(bench, "/etc/one")
    second = taken(bench, "/etc/two")
    bench.restore(str(first))
    image_id = bench.history.get(second).image_id
    removed = bench.remove(str(second))
    assert ([each.id for each in removed.snapshots], removed.size) == ([second], 1)
    assert bench.engine.image(image_id) is None


def test_of_several_all_are_removed_or_none(bench: Bench) -> None:
    first = taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    taken(bench, "/etc/three")
    bench.restore(str(first))
    before = bench.history
    with pytest.raises(UsageError):
        bench.remove("3", "nothing")
    assert bench.history == before
    bench.remove("2", "3")
    assert [each.id for each in bench.history.snapshots] == [0, 1]


def test_cascade_removes_what_stands_on_it(bench: Bench) -> None:
    taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    bench.reset()
    with pytest.raises(UsageError, match=r"snapshot 2 \(snapshot-2\) stands on it"):
        bench.remove("1")
    bench.remove("1", cascade=True)
    assert bench.engine.labelled_images("cleanenv.id") == ()


def test_snapshot_whose_image_is_gone_can_be_removed(bench: Bench) -> None:
    taken(bench, "/etc/one")
    bench.reset()
    bench.engine.remove_image(bench.history.get(1).image_id)
    bench.remove("1")
    assert len(bench.history.snapshots) == 1


def test_prune_removes_branches_that_were_left(bench: Bench) -> None:
    first = taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    bench.restore(str(first))
    taken(bench, "/etc/three")
    assert [each.id for each in bench.prune().snapshots] == [2]
    assert len(bench.engine.labelled_images("cleanenv.id")) == 2
