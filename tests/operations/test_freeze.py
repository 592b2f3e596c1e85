"""A frozen environment changes in nothing, and is as before when it is unfrozen."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from cleanenv.environments import open_environment
from cleanenv.errors import CleanenvError, EnvironmentStateError
from cleanenv.model.host_link import HostLink
from cleanenv.model.link import Link
from cleanenv.model.snapshot_rule import SnapshotRule
from cleanenv.operations import containers, host_links
from cleanenv.operations.snapshots import edit, flatten
from cleanenv.operations.snapshots.rules import add_rule
from tests.operations.harness import Bench, Killed

SH = Link("sh", "/bin/sh")
RULE = SnapshotRule("pip", "install", "pip-{id}", always=False)


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "is_idle", lambda _pid: True)


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.create(SH)
    return bench


def is_frozen(bench: Bench) -> bool:
    return open_environment(bench.root).state.frozen


def test_nothing_is_written_until_it_is_unfrozen(bench: Bench) -> None:
    bench.write("/etc/one")
    frozen = bench.freeze()
    assert (frozen.snapshot.id, frozen.snapshot.name, frozen.is_new) == (1, "frozen-1", True)
    assert (bench.history.current, bench.content) == (frozen.snapshot, {"/etc/one": b"x"})
    with pytest.raises(OSError, match="Read-only file system"):
        bench.write("/etc/two")
    assert bench.container.is_running
    bench.unfreeze()
    bench.write("/etc/two")
    assert bench.content == {"/etc/one": b"x", "/etc/two": b"x"}
    assert (bench.history.current, bench.container.is_running) == (frozen.snapshot, True)
    assert len(bench.engine.specs) == 1


def test_what_has_not_changed_needs_no_other_snapshot(bench: Bench) -> None:
    bench.write("/etc/one")
    bench.take("first")
    before = bench.history
    assert not bench.freeze().is_new
    bench.unfreeze()
    assert bench.history == before


def test_base_image_has_no_user_and_cannot_be_what_is_frozen(bench: Bench) -> None:
    assert bench.freeze().is_new


def test_stopped_environment_stays_stopped(bench: Bench) -> None:
    bench.write("/etc/one")
    bench.stop()
    bench.freeze()
    assert bench.container.status == "created"
    bench.start()
    bench.stop()
    bench.unfreeze()
    assert bench.container.status == "created"


def test_container_that_is_made_again_is_read_only_as_well(bench: Bench) -> None:
    bench.freeze()
    bench.engine.remove_container(bench.container.id)
    bench.start()
    with pytest.raises(OSError, match="Read-only file system"):
        bench.write("/etc/one")


def test_frozen_again_is_as_frozen_as_before(bench: Bench) -> None:
    bench.freeze()
    before = bench.container
    assert not bench.freeze().is_new
    assert bench.container == before


def test_what_is_not_frozen_cannot_be_unfrozen(bench: Bench) -> None:
    with pytest.raises(EnvironmentStateError, match="it is not frozen"):
        bench.unfreeze()


def test_container_that_is_gone_is_not_frozen_in_silence(bench: Bench) -> None:
    bench.engine.remove_container(bench.container.id)
    with pytest.raises(EnvironmentStateError, match="its container was removed") as caught:
        bench.freeze()
    assert caught.value.hint == f"cleanenv start -e {bench.root}"


REFUSED: dict[str, Callable[[Bench], object]] = {
    "snapshot create": lambda bench: bench.take(),
    "snapshot restore": lambda bench: bench.restore("0"),
    "snapshot rename": lambda bench: edit.rename(bench.root, "1", "other"),
    "snapshot remove": lambda bench: bench.remove("1"),
    "snapshot prune": lambda bench: bench.prune(),
    "snapshot configure": lambda bench: add_rule(bench.root, RULE, bench.host),
    "reset": lambda bench: bench.reset(),
    "reset --hard": lambda bench: bench.reset_hard(),
    "link": lambda bench: bench.link(Link("ls", "/bin/ls")),
    "unlink": lambda bench: bench.unlink("sh"),
    "link --host": lambda bench: host_links.link(bench.root, [HostLink("true", "/bin/true")], bench.host),
    "unlink --host": lambda bench: host_links.unlink(bench.root, ["true"], bench.host),
}


@pytest.mark.parametrize("command", REFUSED)
def test_what_would_change_it_is_refused(bench: Bench, command: str) -> None:
    bench.freeze()
    before = {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()}
    container = bench.container
    with pytest.raises(EnvironmentStateError) as caught:
        REFUSED[command](bench)
    assert str(caught.value) == f"environment {bench.root}: it is frozen"
    assert caught.value.hint == f"cleanenv unfreeze -e {bench.root}"
    assert {path: path.read_bytes() for path in bench.root.rglob("*") if path.is_file()} == before
    assert bench.container == container


def test_run_that_would_be_followed_by_a_snapshot_is_followed_by_none(bench: Bench) -> None:
    bench.freeze()
    assert bench.take("pip-{id}", only_if_changed=True) is None


def test_what_is_flattened_meanwhile_gives_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flatten, "WANTED", 1)
    bench.freeze()
    with pytest.raises(EnvironmentStateError, match="it is frozen"):
        flatten.flatten(bench.root, connect=lambda: bench.engine, progress=lambda *_: None)


def test_it_is_destroyed_as_any_other(bench: Bench) -> None:
    bench.freeze()
    bench.destroy()
    assert bench.traces() == set()
    assert bench.engine.labelled_images("cleanenv.id") == ()


@pytest.mark.parametrize("step", ["freeze", "unfreeze"])
@pytest.mark.parametrize("fault", ["error", "killed"])
def test_it_is_one_or_the_other_wherever_a_command_ends(bench: Bench, step: str, fault: str) -> None:
    bench.write("/etc/one")
    there, back = (bench.freeze, bench.unfreeze) if step == "freeze" else (bench.unfreeze, bench.freeze)
    if step == "unfreeze":
        bench.freeze()
    for number in itertools.count(1):
        bench.engine.faults = {bench.engine.requests + number: bench.fault(fault)}
        try:
            there()
        except (Killed, CleanenvError):
            bench.revive()
        else:
            if bench.engine.requests < max(bench.engine.faults):
                break
        bench.revive()
        bench.start()
        assert (bench.content, bench.container.is_running) == ({"/etc/one": b"x"}, True)
        assert bench.engine.spec(bench.container.id).read_only == is_frozen(bench)
        if is_frozen(bench) == (step == "freeze"):
            back()
    bench.revive()
    assert len(bench.engine.specs) == 1
    known = {each.image_id for each in bench.history.snapshots[1:]}
    assert {image.id for image in bench.engine.labelled_images("cleanenv.id")} == known
