"""A deep history is made flat."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cleanenv.operations.snapshots import flatten
from tests.operations.harness import Bench
from tests.operations.snapshots.conftest import deep


def test_deep_history_is_flattened_and_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatten, "WANTED", 1000)
    monkeypatch.setattr(flatten, "NEEDED", 5)
    deep(bench, 12)
    depths = [len(image.layers) for each in bench.history.snapshots if (image := bench.engine.image(each.image_id))]
    assert depths == [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4, 1]
    assert [each.name for each in bench.history.snapshots[1:]] == [f"snapshot-{number}" for number in range(1, 13)]
    for number in (3, 4, 5, 12):
        bench.restore(str(number))
        assert len(bench.content) == number
    assert len(bench.engine.labelled_images("cleanenv.id")) == 12


def test_flattening_in_the_background_takes_effect_if_nothing_changed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[object] = []
    monkeypatch.setattr(flatten, "begin", lambda *arguments: begun.append(arguments))
    monkeypatch.setattr(flatten, "WANTED", 3)
    deep(bench, 2)
    assert len(begun) == 1

    assert flatten.flatten(bench.root, connect=lambda: bench.engine, progress=lambda *_: None)

    current = bench.engine.image(bench.history.current.image_id)
    assert current is not None
    assert len(current.layers) == 1
    assert bench.container.image_id == current.id
    assert (len(bench.content), bench.container.is_running) == (2, True)
    assert len(bench.engine.labelled_images("cleanenv.id")) == 2
    assert not flatten.flatten(bench.root, connect=lambda: bench.engine, progress=lambda *_: None)


@pytest.mark.parametrize("change", ["file", "program", "position"])
def test_flattening_in_the_background_gives_way(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, busy: Callable[[], None], change: str
) -> None:
    monkeypatch.setattr(flatten, "begin", lambda *_: None)
    monkeypatch.setattr(flatten, "WANTED", 3)
    deep(bench, 2)
    before = bench.history

    def meanwhile(*_: object) -> None:
        if change == "file":
            bench.write("/etc/new")
        elif change == "program":
            busy()
        else:
            bench.restore("1")

    assert not flatten.flatten(bench.root, connect=lambda: bench.engine, progress=meanwhile)
    assert bench.history.snapshots == before.snapshots
    assert bench.container.is_running
    assert len(bench.engine.labelled_images("cleanenv.id")) == 2
