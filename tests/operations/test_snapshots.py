"""Taking snapshots and going back to them, and that nothing is lost whenever a command ends."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest

from cleanenv import environments
from cleanenv.environments import open_environment, save_state
from cleanenv.errors import CleanenvError, EngineError, EnvironmentStateError, UsageError
from cleanenv.model.link import Link
from cleanenv.operations import containers
from cleanenv.operations.snapshots import flatten
from cleanenv.operations.snapshots.restore import back, forward, restore
from tests.operations.harness import Bench, Killed

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


# Taking


def test_snapshot_holds_the_container_and_the_environment_stands_on_it(bench: Bench) -> None:
    bench.write("/etc/one", b"12345")
    made = bench.take("first")
    assert made is not None
    assert (made.snapshot.id, made.snapshot.name, made.snapshot.parent, made.size) == (1, "first", 0, 5)
    assert bench.history.current == made.snapshot
    assert bench.content == {"/etc/one": b"12345"}


def test_next_snapshot_holds_only_what_changed_since(bench: Bench) -> None:
    bench.write("/etc/one", b"12345")
    bench.take()
    bench.write("/etc/two", b"12")
    made = bench.take()
    assert made is not None
    assert (made.size, bench.history.disk_use) == (2, 7)
    assert bench.container.image_id == made.snapshot.image_id


def test_snapshot_of_what_has_not_changed_adds_nothing(bench: Bench) -> None:
    assert bench.take("before") is not None
    bench.write("/etc/one", b"12345")
    bench.take()
    made = bench.take("again")
    assert made is not None
    assert (made.size, bench.history.disk_use, bench.history.current.name) == (0, 5, "again")
    bench.restore("before")
    bench.restore("again")
    assert bench.content == {"/etc/one": b"12345"}
    bench.reset()
    bench.remove("2", cascade=True)
    assert bench.history.disk_use == 0


def test_container_goes_on_where_programs_run(bench: Bench, busy: Callable[[], None]) -> None:
    busy()
    before = bench.container
    bench.write("/etc/one", b"12345")
    bench.take()
    assert bench.container == before
    bench.write("/etc/two", b"12")
    made = bench.take()
    assert made is not None
    assert (bench.container, made.size, bench.history.disk_use) == (before, 7, 12)


def test_container_with_a_call_in_it_goes_on(bench: Bench) -> None:
    before = bench.container
    bench.engine.agents[0].calls = 1
    taken(bench, "/etc/one")
    assert bench.container == before


def test_container_whose_start_would_run_something_goes_on(bench: Bench) -> None:
    environment = open_environment(bench.root)
    environment.paths.configuration.write_text("[global]\non_deactivate = true\n")
    before = bench.container
    taken(bench, "/etc/one")
    assert bench.container == before


def test_stopped_container_is_not_started_for_it(bench: Bench) -> None:
    bench.write("/etc/one")
    bench.stop()
    bench.take()
    assert (bench.container.is_running, bench.content) == (False, {"/etc/one": b"x"})


def test_automatic_snapshot_is_taken_of_changes_only(bench: Bench) -> None:
    assert bench.take("a-{id}", only_if_changed=True) is None
    bench.write("/etc/one")
    made = bench.take("{program}-{id}", program="pip", cause="pip install x", only_if_changed=True)
    assert made is not None
    assert (made.snapshot.name, made.snapshot.cause) == ("pip-1", "pip install x")
    assert bench.take("a-{id}", only_if_changed=True) is None
    assert len(bench.history.snapshots) == 2


def test_changes_are_seen_exactly_in_a_container_that_went_on(bench: Bench, busy: Callable[[], None]) -> None:
    busy()
    taken(bench, "/etc/one")
    images = bench.engine.labelled_images("cleanenv.id")
    assert bench.take("a-{id}", only_if_changed=True) is None
    assert bench.engine.labelled_images("cleanenv.id") == images, "the trial is gone"
    bench.write("/etc/one", b"y")
    assert bench.take("a-{id}", only_if_changed=True) is not None


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/group", "/etc/sudoers.d/cleanenv"])
def test_what_the_agent_writes_is_no_change(bench: Bench, path: str) -> None:
    bench.write(path)
    assert bench.take("a-{id}", only_if_changed=True) is None


def test_accounts_that_the_user_changes_are(bench: Bench) -> None:
    bench.write("/etc/passwd")
    bench.take()
    bench.write("/etc/passwd", b"changed")
    assert bench.take("a-{id}", only_if_changed=True) is not None


def test_snapshot_that_cannot_be_written_down_leaves_no_image(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = bench.engine.labelled_images("cleanenv.id")
    bench.write("/etc/one")
    with monkeypatch.context() as patch:
        patch.setattr(environments, "replace_file", full)
        with pytest.raises(EnvironmentStateError, match="No space left on device"):
            bench.take("first")
    assert bench.engine.labelled_images("cleanenv.id") == before
    assert (len(bench.history.snapshots), bench.content) == (1, {"/etc/one": b"x"})


def test_container_whose_image_was_removed_is_not_saved_and_the_way_on_is_told(bench: Bench) -> None:
    taken(bench, "/etc/one", "first")
    taken(bench, "/etc/two", "second")
    bench.engine.forget_image(bench.container.image_id)
    for act in (lambda: bench.take("third"), lambda: bench.restore("first"), lambda: bench.restore(back(1))):
        with pytest.raises(EngineError) as caught:
            act()
        assert caught.value.hint == f"cleanenv snapshot restore --discard -e {bench.root} 1"
        assert bench.content == {"/etc/one": b"x", "/etc/two": b"x"}
    bench.restore("first", discard=True)
    assert bench.content == {"/etc/one": b"x"}


def test_taken_name_is_refused_before_anything_is_done(bench: Bench) -> None:
    taken(bench, "/etc/one", "first")
    calls = len(bench.engine.calls)
    for name in ("first", "created", "list", "7", "-x"):
        with pytest.raises(UsageError):
            bench.take(name)
    assert bench.engine.calls[calls:] == []


def test_removed_container_has_nothing_to_take(bench: Bench) -> None:
    bench.engine.remove_container(bench.container.id)
    with pytest.raises(EnvironmentStateError, match="its container was removed"):
        bench.take()


def test_image_knows_its_environment_and_number_and_containers_of_it_do_not_pass_that_on(bench: Bench) -> None:
    taken(bench, "/etc/one")
    taken(bench, "/etc/two")
    labels = [dict(image.labels) for image in bench.engine.labelled_images("cleanenv.id")]
    identifier = open_environment(bench.root).state.id
    assert sorted((each["cleanenv.id"], each["cleanenv.snapshot"]) for each in labels) == [
        (identifier, "1"),
        (identifier, "2"),
    ]
    assert dict(bench.container.labels)["cleanenv.snapshot"] == ""


def test_path_does_not_grow_with_each_snapshot(bench: Bench) -> None:
    for number in range(3):
        taken(bench, f"/etc/{number}")
        (spec,) = bench.engine.specs
        assert "PATH=/.cleanenv/host/bin:/home/ann/.local/bin:/usr/bin:/bin" in spec.environment


# Going back


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


# Reset


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


# Removing


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


# Comparing


def test_difference_of_two_snapshots_has_sizes(bench: Bench) -> None:
    bench.write("/etc/gone", b"1")
    bench.write("/etc/same", b"1")
    bench.write("/etc/changed", b"22")
    bench.take()
    bench.engine.unlink(bench.container.id, "/etc/gone")
    bench.write("/etc/changed", b"333")
    bench.write("/etc/new", b"4444")
    bench.take()
    files = [(each.path, each.before, each.after) for each in bench.compare("1", "2").files]
    assert files == [("/etc/changed", 2, 3), ("/etc/gone", 1, None), ("/etc/new", None, 4)]
    assert bench.compare("2").files == ()
    bench.write("/etc/new", b"4445")
    assert [each.path for each in bench.compare("2").files] == ["/etc/new"]


def test_packages_come_go_and_change(bench: Bench) -> None:
    bench.write(
        "/var/lib/dpkg/status",
        b"Package: hello\nStatus: install ok installed\nVersion: 2.10-3\n\n"
        b"Package: removed\nStatus: deinstall ok config-files\nVersion: 1\n",
    )
    bench.write(f"{USERS_OWN}/.local/lib/python3.11/site-packages/My_Tool-1.0.dist-info/METADATA", b"x")
    bench.write("/usr/lib/python3/dist-packages/old-2.0.egg-info", b"x")
    bench.write("/opt/venv/lib/python3.11/site-packages/old-3.0.dist-info/METADATA", b"x")
    packages = [(each.manager, each.name, each.directory, each.after) for each in bench.compare("0").packages]
    assert packages == [
        ("deb", "hello", "", "2.10-3"),
        ("pip", "my-tool", f"{USERS_OWN}/.local/lib/python3.11/site-packages", "1.0"),
        ("pip", "old", "/opt/venv/lib/python3.11/site-packages", "3.0"),
        ("pip", "old", "/usr/lib/python3/dist-packages", "2.0"),
    ]


# Flattening


def deep(bench: Bench, count: int) -> None:
    for number in range(count):
        taken(bench, f"/deep/{number}")


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


# Whenever a command ends


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
