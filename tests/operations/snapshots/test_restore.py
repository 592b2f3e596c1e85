"""Going back to snapshots, and to the state after create."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cleanenv.environments import open_environment
from cleanenv.errors import EngineError, UsageError
from cleanenv.operations.snapshots.restore import back, forward, restore
from tests.operations.harness import Bench
from tests.operations.snapshots.conftest import SH, taken


def test_restored_container_is_as_the_snapshot_was(bench: Bench) -> None:
    first = taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    restored = bench.restore(str(first))
    assert (restored.snapshot.id, restored.saved) == (first, None)
    assert (bench.content, bench.history.position) == ({"/etc/one": b"x"}, first)
    assert bench.container.is_running
    assert len(bench.engine.specs) == 1


def test_changes_that_no_snapshot_has_are_saved_first(bench: Bench) -> None:
    taken(bench, "/etc/one", "first")
    bench.write("/etc/broken")
    restored = bench.restore("first")
    assert restored.saved is not None
    assert (restored.saved.name, restored.saved.parent) == ("before-restore-2", 1)
    assert bench.content == {"/etc/one": b"x"}
    bench.restore("before-restore-2")
    assert bench.content == {"/etc/one": b"x", "/etc/broken": b"x"}


def test_changes_are_dropped_when_asked_for(bench: Bench) -> None:
    taken(bench, "/etc/one", "first")
    bench.write("/etc/broken")
    assert bench.restore("first", discard=True).saved is None
    assert (bench.content, len(bench.history.snapshots)) == ({"/etc/one": b"x"}, 2)


@pytest.mark.parametrize("discard", [False, True])
def test_first_step_back_undoes_the_changes_that_no_snapshot_has(bench: Bench, discard: bool) -> None:  # noqa: FBT001
    taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    bench.write("/etc/broken")
    assert bench.restore(back(1), discard=discard).snapshot.id == 2
    assert bench.restore(back(1), discard=discard).snapshot.id == 1
    assert bench.restore(forward(1), discard=discard).snapshot.id == 2
    if not discard:
        bench.restore(forward(1))
        assert "/etc/broken" in bench.content


def test_steps_beyond_the_end_change_nothing(bench: Bench) -> None:
    taken(bench, "/etc/one")
    before = bench.container
    for choice in (back(2), forward(1)):
        with pytest.raises(UsageError):
            bench.restore(choice)
    assert bench.container == before


def test_change_after_going_back_begins_a_branch(bench: Bench) -> None:
    first = taken(bench, "/etc/one")
    second = taken(bench, "/etc/two")
    bench.restore(str(first))
    third = taken(bench, "/etc/three")
    assert bench.history.get(third).parent == first
    bench.restore(str(second))
    assert bench.content == {"/etc/one": b"x", "/etc/two": b"x"}
    bench.restore(str(third))
    assert bench.content == {"/etc/one": b"x", "/etc/three": b"x"}


def test_removed_container_comes_back_as_the_last_snapshot(bench: Bench) -> None:
    taken(bench, "/etc/one")
    bench.engine.remove_container(bench.container.id)
    bench.start()
    assert bench.content == {"/etc/one": b"x"}


def test_volumes_go_over_to_the_restored_container(bench: Bench) -> None:
    identifier = bench.history.root.image_id
    image = bench.engine.image(identifier)
    assert image is not None
    bench.engine._images[identifier] = replace(image, volumes=("/data",))  # noqa: SLF001
    before = bench.container
    taken(bench, "/etc/one")
    (spec,) = bench.engine.specs
    assert spec.volumes_of == before.id


def test_new_container_that_does_not_start_leaves_the_old_one(bench: Bench) -> None:
    taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    before = open_environment(bench.root).state
    bench.engine.refuses_to_start = bench.history.get(1).image_id
    with pytest.raises(EngineError, match="refused"):
        bench.restore("1")
    bench.engine.refuses_to_start = ""
    assert open_environment(bench.root).state == before
    assert (bench.container.is_running, bench.container.name) == (True, f"cleanenv-{before.id}")
    assert len(bench.engine.specs) == 1


def test_container_in_which_nothing_runs_is_not_stopped_for_one_that_does_not_start(bench: Bench) -> None:
    taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    bench.engine.refuses_to_start = bench.history.get(1).image_id
    before, calls = bench.container, len(bench.engine.calls)
    with pytest.raises(EngineError, match="refused"):
        bench.restore("1")
    assert "stop" not in [call.split()[0] for call in bench.engine.calls[calls:]]
    assert bench.container == before
    assert bench.list()[0].state == "running", "who calls finds it"


@pytest.mark.parametrize("publish", [(), ("8080:80",)])
def test_container_before_runs_until_the_new_one_does_unless_their_ports_are_the_same(
    bench: Bench, publish: tuple[str, ...]
) -> None:
    other = bench.directory / "other"
    bench.create(SH, root=other, publish=publish)
    bench.engine.calls.clear()
    restore(
        other,
        back(0),
        bench.host,
        discard=True,
        connect=lambda: bench.engine,
        progress=lambda *_: None,
        warn=bench.warnings.append,
    )
    done = [call.split()[0] for call in bench.engine.calls]
    wanted = ["create", "stop", "start", "remove"] if publish else ["create", "start", "remove"]
    assert [each for each in done if each in {"create", "start", "stop", "remove"}] == wanted


def test_programs_are_stopped_before_their_changes_are_saved(bench: Bench, busy: Callable[[], None]) -> None:
    taken(bench, "/etc/one")
    busy()
    calls = len(bench.engine.calls)
    bench.restore("created")
    done = [call.split()[0] for call in bench.engine.calls[calls:]]
    assert done.index("stop") < done.index("commit")


def test_image_that_somebody_removed_is_said_before_anything_is_done(bench: Bench) -> None:
    taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    bench.engine.remove_image(bench.history.get(1).image_id)
    before = bench.container
    with pytest.raises(EngineError, match=r"snapshot 1 \(snapshot-1\): its image .* was removed") as caught:
        bench.restore("1")
    assert caught.value.hint == f"cleanenv snapshot remove -e {bench.root} 1"
    assert bench.container == before


def test_reset_keeps_what_was_changed_and_the_history(bench: Bench) -> None:
    taken(bench, "/etc/one")
    bench.write("/etc/two")
    restored = bench.reset()
    assert restored.saved is not None
    assert (bench.content, bench.history.position, len(bench.history.snapshots)) == ({}, 0, 3)
    bench.restore(restored.saved.name)
    assert bench.content == {"/etc/one": b"x", "/etc/two": b"x"}


def test_hard_reset_keeps_nothing(bench: Bench) -> None:
    taken(bench, "/etc/one")
    bench.write("/etc/two")
    removed = bench.reset_hard()
    assert [each.id for each in removed.snapshots] == [1]
    assert (bench.content, len(bench.history.snapshots)) == ({}, 1)
    assert bench.engine.labelled_images("cleanenv.id") == ()
    assert bench.container.is_running


def test_destroy_removes_the_snapshots(bench: Bench) -> None:
    taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    bench.destroy()
    assert bench.engine.labelled_images("cleanenv.id") == ()
    assert bench.traces() == set()
