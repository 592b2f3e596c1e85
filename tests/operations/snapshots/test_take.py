"""Taking snapshots."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cleanenv import environments
from cleanenv.environments import open_environment
from cleanenv.errors import EngineError, EnvironmentStateError, UsageError
from cleanenv.operations.snapshots.restore import back
from tests.operations.harness import Bench
from tests.operations.snapshots.conftest import taken


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
