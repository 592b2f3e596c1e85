"""An environment that was frozen is made again, with all of its history, on the same machine or another."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cleanenv.environments import open_environment
from cleanenv.errors import CleanenvError, EngineError, EnvironmentStateError, ImageNotFoundError, UsageError
from cleanenv.model.history import History
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.user import UserRequest
from cleanenv.operations import containers
from cleanenv.operations.snapshots.pack import check_image_name, check_output
from cleanenv.operations.snapshots.unpack import is_file, open_file
from tests.operations.harness import IMAGE, Bench, Killed

SH = Link("sh", "/bin/sh")


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "is_idle", lambda _pid: True)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What is mounted."""
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


@pytest.fixture
def bench(bench: Bench, data: Path) -> Bench:
    """Frozen at the end of a branch."""
    bench.create(SH, mounts=(Mount(str(data), "/data", writable=True),))
    for name in ("one", "two"):
        bench.write(f"/etc/{name}")
        bench.take(name)
    bench.restore("one")
    bench.write("/etc/three")
    bench.freeze()
    return bench


@pytest.fixture
def elsewhere(bench: Bench) -> Iterator[Bench]:
    """Another machine."""
    directory = Path(tempfile.mkdtemp(prefix="ce-"))
    other = Bench(directory)
    yield other
    other.engine.end()
    shutil.rmtree(directory)
    del bench


@pytest.fixture
def file(bench: Bench) -> Path:
    path = bench.directory / "file.tar"
    bench.pack(output=path)
    return path


def tree(history: History) -> list[tuple[int, int | None, str, str, int]]:
    return [(each.id, each.parent, each.name, each.cause, each.created) for each in history.snapshots]


def check_whole(bench: Bench) -> None:
    """Each state is there as it was when it was taken."""
    for name, files in {"one": 1, "two": 2, "frozen-3": 2, "created": 0}.items():
        bench.restore(name)
        assert len(bench.content) == files


def test_file_brings_everything_to_another_machine(bench: Bench, elsewhere: Bench, file: Path) -> None:
    made = elsewhere.unpack(file)

    assert tree(made.state.history) == tree(bench.history)
    assert (made.state.history.position, made.state.history.tip) == (3, 3)
    assert made.state.history.layers == bench.history.layers
    assert made.configuration == open_environment(bench.root).configuration
    assert (made.state.frozen, made.state.image_name) == (False, IMAGE)
    assert made.state.id != open_environment(bench.root).state.id
    assert elsewhere.content == {"/etc/one": b"x", "/etc/three": b"x"}
    check_whole(elsewhere)
    elsewhere.destroy()
    assert elsewhere.engine.labelled_images("cleanenv.id") == ()
    assert elsewhere.traces() == set()


def test_it_stands_beside_the_one_that_it_was_made_of(bench: Bench, file: Path) -> None:
    other = bench.beside("other")
    other.unpack(file)
    bench.destroy()
    check_whole(other)
    other.destroy()
    assert other.engine.labelled_images("cleanenv.id") == ()


def test_first_one_outlives_it(bench: Bench, file: Path) -> None:
    other = bench.beside("other")
    other.unpack(file)
    other.destroy()
    bench.unfreeze()
    check_whole(bench)


def test_only_the_environments_own_images_stay_after_packing(bench: Bench, file: Path) -> None:
    assert file.stat().st_mode & 0o777 == 0o600
    assert bench.engine.image(f"localhost/cleanenv/{open_environment(bench.root).state.id}:environment") is None
    assert len(bench.engine.labelled_images("cleanenv.id")) == 3
    assert [path.name for path in bench.directory.glob("*file*")] == ["file.tar"]


def test_image_and_its_snapshots_outlive_the_environment(bench: Bench) -> None:
    bench.pack(name="lab/tools:1")
    bench.destroy()
    other = bench.beside("other")
    made = other.unpack("lab/tools:1")
    assert made.state.history.position == 3
    check_whole(other)
    other.destroy()
    for number in range(4):
        assert bench.engine.image(f"lab/tools:1-snapshot-{number}") is not None


def test_snapshot_that_is_removed_stays_beside_its_image(bench: Bench) -> None:
    bench.pack(name="lab/tools:1")
    bench.unfreeze()
    bench.prune()
    assert [each.id for each in bench.history.snapshots] == [0, 1, 3]
    assert bench.take("again") is not None, "what only the user has a name for is no leftover"
    assert bench.engine.image("lab/tools:1-snapshot-2") is not None


def test_what_was_fetched_for_it_is_not_kept(bench: Bench, elsewhere: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pulled = from_registry(bench, elsewhere, monkeypatch)
    elsewhere.unpack("lab/tools:1")
    assert pulled == ["lab/tools:1", *(f"lab/tools:1-snapshot-{number}" for number in range(4))]
    assert all(elsewhere.engine.image(each) is None for each in pulled)
    check_whole(elsewhere)
    elsewhere.destroy()
    assert elsewhere.engine.labelled_images("cleanenv.environment") == ()


def from_registry(bench: Bench, elsewhere: Bench, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the first machine has made can be pulled by the other one; gives the names of what is."""
    bench.pack(name="lab/tools:1")
    pulled: list[str] = []

    def pull(reference: str, *_: object, **__: object) -> object:
        elsewhere.engine.calls.append(f"pull {reference}")
        pulled.append(reference)
        if bench.engine.image(reference) is None:
            raise ImageNotFoundError(f"image {reference}", "its registry does not have it")
        with bench.engine.save_images([reference]) as chunks:
            elsewhere.engine.load_images(chunks)
        return elsewhere.engine.image(reference)

    monkeypatch.setattr(elsewhere.engine, "pull", pull)
    return pulled


def test_image_without_its_snapshots_is_an_error_that_tells_how_to_push(
    bench: Bench, elsewhere: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_registry(bench, elsewhere, monkeypatch)
    bench.engine.untag_image("lab/tools:1-snapshot-2")
    with pytest.raises(ImageNotFoundError) as caught:
        elsewhere.unpack("lab/tools:1")
    assert str(caught.value) == "image lab/tools:1-snapshot-2: its registry does not have it"
    assert caught.value.hint == "where it was frozen: docker push --all-tags lab/tools"
    check_nothing(elsewhere)


def test_snapshot_of_another_freeze_is_not_taken(bench: Bench) -> None:
    bench.pack(name="lab/tools:1")
    bench.engine.tag_image(bench.history.get(1).image_id, "lab/tools:1-snapshot-2")
    with pytest.raises(UsageError, match="image lab/tools:1-snapshot-2: it is not the one that belongs to lab/tools:1"):
        bench.beside("other").unpack("lab/tools:1")


def test_image_that_is_no_environment_can_be_a_base_image(bench: Bench) -> None:
    bench.engine.add_image("lab/other:1")
    with pytest.raises(UsageError, match="image lab/other:1: it is no environment that was frozen") as caught:
        bench.beside("other").unpack("lab/other:1")
    assert caught.value.hint == "cleanenv create --base-image lab/other:1 PATH"


def check_nothing(bench: Bench) -> None:
    assert bench.traces() == set()
    assert bench.engine.containers("cleanenv.id") == ()
    assert bench.engine.labelled_images("cleanenv.id") == ()
    assert bench.engine.labelled_images("cleanenv.environment") == ()


def test_environment_that_began_with_a_frozen_one_is_frozen_as_any_other(bench: Bench, elsewhere: Bench) -> None:
    bench.pack(name="lab/tools:1")
    other = bench.beside("other")
    other.create(SH, base="lab/tools:1")
    other.write("/etc/four")
    other.freeze()
    file = bench.directory / "file.tar"
    other.pack(output=file)
    assert elsewhere.unpack(file).state.history.position == 1
    other.pack(name="lab/tools:1", output=file)
    assert elsewhere.unpack(file, clear=True).state.history.position == 1
    assert elsewhere.content == {f"/etc/{name}": b"x" for name in ("one", "three", "four")}


# What is not to be had there


def test_directory_that_is_not_there_is_one_error_and_can_be_replaced(
    elsewhere: Bench, file: Path, data: Path, tmp_path: Path
) -> None:
    data.rmdir()
    with pytest.raises(UsageError, match=f"directory {data}: there is no {data} on the host"):
        elsewhere.unpack(file)
    check_nothing(elsewhere)
    other = Mount(str(tmp_path), "/data", writable=False)
    assert elsewhere.unpack(file, mounts=(other,)).configuration.mounts == (other,)


def test_link_to_what_another_snapshot_has_is_kept(bench: Bench, elsewhere: Bench) -> None:
    bench.unfreeze()
    bench.link(Link("x", "/opt/x"))
    bench.freeze()
    bench.pack(output=bench.directory / "file.tar")
    del elsewhere.engine.files["/opt/x"]
    made = elsewhere.unpack(bench.directory / "file.tar")
    assert made.configuration.links == (SH, Link("x", "/opt/x"))


def test_new_link_is_checked(elsewhere: Bench, file: Path) -> None:
    with pytest.raises(UsageError, match="the container has no such file"):
        elsewhere.unpack(file, links=(Link("y", "/opt/y"),))
    check_nothing(elsewhere)


@pytest.mark.parametrize(
    ("request_", "uid", "expected"),
    [
        (None, 1000, ("ann", 1000, "/home/ann")),
        (None, 1001, ("bob", 1001, "/home/bob")),
        (UserRequest("dev", uid=5), 1001, ("dev", 5, "/home/dev")),
        (UserRequest("postgres", is_system=True), 1001, ("ann", 1000, "/home/ann")),
    ],
)
def test_user_is_who_its_policy_says(
    bench: Bench, file: Path, request_: UserRequest | None, uid: int, expected: tuple[str, int, str]
) -> None:
    with open_file(file) as origin:
        frozen = replace(origin, packed=replace(origin.packed, user=replace(bench.user, uid=1000)))
        caller = replace(bench.user, name="bob", home="/home/bob", uid=uid)
        user = frozen.user(bench.engine, request_, caller)
    assert (user.name, user.uid, user.home) == expected


# Whenever a command ends


@pytest.mark.parametrize("source", ["file", "image"])
def test_creation_that_fails_leaves_nothing(bench: Bench, source: str) -> None:
    path = bench.directory / "file.tar"
    bench.pack(name="lab/tools:1", output=path)
    other = bench.beside("other")
    images = {image.id for image in bench.engine.labelled_images("cleanenv.snapshot")}
    before = bench.traces()
    for number in itertools.count(1):
        bench.engine.faults = {bench.engine.requests + number: bench.fault("error")}
        try:
            other.unpack(path if source == "file" else "lab/tools:1")
        except CleanenvError:
            bench.revive()
            assert bench.traces() == before
            assert {image.id for image in bench.engine.labelled_images("cleanenv.snapshot")} == images
        else:
            break
    bench.revive()
    check_whole(other)


@pytest.mark.parametrize("fault", ["error", "killed"])
def test_packing_that_fails_leaves_no_file_and_no_image(bench: Bench, fault: str) -> None:
    path = bench.directory / "file.tar"
    for number in itertools.count(1):
        bench.engine.faults = {bench.engine.requests + number: bench.fault(fault)}
        try:
            bench.pack(output=path)
        except (Killed, CleanenvError):
            bench.revive()
            if path.exists():
                path.unlink()  # it is whole: only what came after it failed
            bench.fix()
            identifier = open_environment(bench.root).state.id
            assert bench.engine.labelled_images(f"cleanenv.temporary={identifier}") == ()
        else:
            break
    bench.revive()
    assert path.exists()


def test_full_disk_is_told_by_the_files_name(bench: Bench) -> None:
    with pytest.raises(EnvironmentStateError, match=r"file /dev/full/x: Not a directory"):
        bench.pack(output=Path("/dev/full/x"))


def test_environment_that_is_not_frozen_is_not_packed(bench: Bench) -> None:
    bench.unfreeze()
    with pytest.raises(EnvironmentStateError, match="it is not frozen"):
        bench.pack(name="lab/tools:1")


def test_snapshot_whose_image_is_gone_is_told_before_anything_is_made(bench: Bench) -> None:
    bench.engine.remove_image(bench.history.get(2).image_id)
    with pytest.raises(EngineError, match=r"snapshot 2 \(two\)"):
        bench.pack(name="lab/tools:1")
    assert bench.engine.image("lab/tools:1-snapshot-0") is None


# Names


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("tools", "tools:latest"),
        ("localhost:5000/me/tools", "localhost:5000/me/tools:latest"),
        ("registry.example.org/a/b__c-d:1.0_x", "registry.example.org/a/b__c-d:1.0_x"),
    ],
)
def test_image_has_a_tag(name: str, full: str) -> None:
    assert check_image_name(name, "x") == full


@pytest.mark.parametrize(
    "name", ["", "Tools", "a//b", "a:", "a:b:c", "a b", "a@sha256:" + "0" * 64, "/a", "a:" + "x" * 120]
)
def test_what_is_no_name_of_an_image_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of an image"):
        check_image_name(name, "option --name")


def test_file_is_written_where_one_can_be(tmp_path: Path) -> None:
    check_output(tmp_path / "x")
    for path in (tmp_path, tmp_path / "no/x"):
        with pytest.raises(UsageError, match=f"file {path}"):
            check_output(path)


def test_file_is_told_from_image(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert all(map(is_file, ("/x", "./x", "../x", "~/x", "x.tar", str(tmp_path / "x"))))
    assert not any(map(is_file, ("lab/tools:1", "tools", "localhost:5000/x")))
