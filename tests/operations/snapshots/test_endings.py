"""Nothing is lost whenever a command ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from cleanenv.environments import open_environment, save_state
from cleanenv.errors import CleanenvError, EnvironmentStateError
from cleanenv.operations import containers
from tests.operations.harness import Bench, Killed
from tests.operations.snapshots.conftest import deep, taken

STEPS: dict[str, Callable[[Bench], object]] = {
    "take": lambda bench: bench.take(),
    "restore": lambda bench: bench.restore("1"),
    "remove": lambda bench: bench.remove("3"),
    "reset": lambda bench: bench.reset(),
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", ["error", "killed"])
def test_history_is_whole_wherever_a_command_ends(bench: Bench, step: str, fault: str) -> None:
    deep(bench, 2)
    bench.restore("1")
    taken(bench, "/branch")
    bench.restore("2")
    bench.write("/etc/unsaved")
    contents = {1: 1, 2: 2, 3: 2}
    for number in itertools.count(1):
        bench.engine.faults = {bench.engine.requests + number: bench.fault(fault)}
        try:
            STEPS[step](bench)
        except (Killed, CleanenvError):
            bench.revive()
        else:
            break
        bench.start()
        held = {each.id for each in bench.history.snapshots}
        for snapshot in bench.history.snapshots:
            assert bench.engine.image(snapshot.image_id) is not None
        assert {1, 2, 3} - held <= ({3} if step == "remove" else set())
        assert _is_kept(bench), "what was not saved is in the container or in a snapshot"
        if step == "remove" and 3 not in held:
            break
    bench.engine.faults = {}
    for snapshot_id, count in contents.items():
        if any(each.id == snapshot_id for each in bench.history.snapshots):
            bench.restore(str(snapshot_id))
            assert len(bench.content) == count
    bench.prune()
    known = {each.image_id for each in bench.history.snapshots[1:]}
    assert {image.id for image in bench.engine.labelled_images("cleanenv.id")} == known
    assert len(bench.engine.specs) == 1


def _is_kept(bench: Bench) -> bool:
    if "/etc/unsaved" in bench.content:
        return True
    return any("/etc/unsaved" in bench.engine.stored(each.image_id) for each in bench.history.snapshots)


def test_users_own_image_of_the_container_is_no_leftover(bench: Bench) -> None:
    taken(bench, "/etc/one")
    own = bench.engine.commit_container(bench.container.id, "mine:1", {})
    taken(bench, "/etc/two")
    bench.prune()
    assert bench.engine.image(own.id) is not None


def test_leftovers_of_a_killed_command_are_removed_by_the_next(bench: Bench) -> None:
    environment = open_environment(bench.root)
    taken(bench, "/etc/one")
    identifier = environment.state.id
    bench.write("/etc/two")
    bench.engine.commit_container(
        bench.container.id, f"localhost/cleanenv/{identifier}:2", {"cleanenv.id": identifier, "cleanenv.snapshot": "2"}
    )
    (spec,) = bench.engine.specs
    bench.engine.create_container(
        replace(
            spec,
            name="temporary",
            labels=(("cleanenv.temporary", identifier), ("cleanenv.id", ""), ("cleanenv.snapshot", "")),
        )
    )
    made = bench.take("mine")
    assert made is not None
    assert (made.snapshot.id, len(bench.engine.labelled_images("cleanenv.id"))) == (2, 2)
    assert [each.name for each in bench.engine.specs] == [spec.name]


def test_state_that_was_not_saved_leaves_the_old_container(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(bench, "/etc/one")
    before = open_environment(bench.root).state

    def full(*_: object) -> None:
        raise EnvironmentStateError("state file", "No space left on device")

    monkeypatch.setattr(containers, "save_state", full)
    with pytest.raises(EnvironmentStateError, match="No space left"):
        bench.restore("0")
    monkeypatch.setattr(containers, "save_state", save_state)
    assert open_environment(bench.root).state == before
    assert (bench.content, bench.container.is_running) == ({"/etc/one": b"x"}, True)
