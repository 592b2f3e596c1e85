"""A frozen environment is made again: from a file in another engine, from a registry, after everything was removed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Argument, Caller, Environment, error_of
from integration.main_job.engines import SecondEngine
from integration.main_job.images import docker
from integration.main_job.pausing_engine import at_moments
from integration.main_job.traces import images, traces
from integration.snapshots.conftest import History, Make, kill
from integration.snapshots.registry import DockerRegistry

LOAD = r"POST /[^/]*/images/load"
SAVE = r"GET /[^/]*/images/get"
BUILD = r"POST /[^/]*/build"
CREATE = r"POST /[^/]*/containers/create"
START = r"POST /[^/]*/containers/[0-9a-f]*/start"


def frozen(make: Make, *options: Argument) -> History:
    """An environment with a branch, frozen."""
    history = make("--env", "WORD=a b", "--link", "list:/bin/ls", *options)
    for name in ("one", "two"):
        history.sh(f"echo {name} >~/{name}; chmod 4755 ~/{name}")
        history.done("create", name)
    history.done("back")
    history.sh("echo three >~/three; rm ~/one")
    history.run("configure", "sh", "--pattern", "nothing")
    assert history.environment.cleanenv("freeze").stderr == "frozen at snapshot 3 (frozen-3)\n"
    return history


def save(history: History, file: Path) -> None:
    result = history.environment.cleanenv("freeze", "--output", str(file))
    assert result.returncode == 0, result
    said = result.stderr.splitlines()
    assert (len(said), said[0]) == (2, "frozen at snapshot 3 (frozen-3)")
    assert said[1].startswith("wrote ")
    assert said[1].endswith(f" to {file}")


def create_from(caller: Caller, source: Argument, path: Path, *options: Argument) -> History:
    result = caller.cleanenv("create", "--from", source, *options, path)
    assert (result.returncode, result.stderr) == (0, f"created {path} from {source!s}\n"), result
    return History(Environment(path, caller))


def check(history: History, before: dict[str, object]) -> None:
    """The history is the same, and each of its states is there."""

    def tree(told: dict[str, object]) -> list[object]:
        snapshots = told["snapshots"]
        assert isinstance(snapshots, list)
        return [{**each, "image": ""} for each in snapshots]

    told = history.told
    assert (tree(told), told["position"], told["disk_use"]) == (tree(before), 3, before["disk_use"])
    assert told["frozen"] is False
    environment = history.environment
    assert history.files() == ["three"]
    assert environment.caller.run(environment.bin / "list", "/nothing").returncode != 0
    assert history.sh("echo $WORD; id -un").output == f"a b\n{environment.caller.name}\n"
    assert history.run("configure").output.startswith("sh  nothing  ")
    assert history.done("back") == "at snapshot 1 (one)\n"
    assert history.sh("stat -c %a ~/*").output == "4755\n"
    history.done("restore", "two")
    assert history.files() == ["one", "two"]
    history.done("restore", "created")
    assert history.files() == []
    history.done("restore", "3")
    history.sh("echo four >~/four")
    history.done("create", "four")
    assert history.done("back") == "at snapshot 3 (frozen-3)\n"


def test_file_is_all_that_is_needed_when_everything_was_removed(make: Make, caller: Caller, place: Path) -> None:
    untouched = traces(caller, place)
    history = frozen(make)
    file = place / "frozen.tar"
    before = history.told
    save(history, file)
    assert caller.cleanenv("destroy", history.environment.path).output == ""
    assert images(history.environment.path) == []

    again = create_from(caller, file, place / "again")

    check(again, before)
    assert caller.cleanenv("destroy", again.environment.path).output == ""
    assert images(again.environment.path) == []
    file.unlink()
    assert not [trace for trace in traces(caller, place) - untouched if not trace.startswith("file")]


@pytest.fixture
def second() -> Iterator[SecondEngine]:
    """Another machine's engine; a short path, as sockets lie in it."""
    directory = Path(tempfile.mkdtemp(prefix="ce-", dir="/var/tmp"))
    engine = SecondEngine(directory)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()
        shutil.rmtree(directory, ignore_errors=True)


@ONE_CALLER
def test_file_is_all_that_another_engine_needs(make: Make, place: Path, second: SecondEngine) -> None:
    history = frozen(make)
    file = place / "frozen.tar"
    save(history, file)
    there = history.environment.caller.with_variables(DOCKER_HOST=second.address)
    assert second.docker("images", "--quiet") == ""
    # A layer that is not what its image says.
    other = place / "other.tar"
    other.write_bytes(file.read_bytes().replace(b"three\n", b"THREE\n", 1))
    code, said, _ = error_of(there.cleanenv("create", "--from", other, place / "again"))
    assert code == 1
    assert said.startswith(f"file {other}: the engine refuses it: ")
    assert second.docker("images", "--quiet", "--all") == ""
    assert not (place / "again").exists()

    again = create_from(there, file, place / "again")

    try:
        assert len(second.docker("images", "--quiet").split()) == 4
        check(again, history.told)
    finally:
        there.cleanenv("destroy", again.environment.path)
    assert second.docker("images", "--quiet", "--all") == ""
    history.environment.cleanenv("unfreeze")
    assert history.files() == ["three"]


@pytest.fixture
def registry(place: Path) -> Iterator[DockerRegistry]:
    directory = place / "registry"
    directory.mkdir()
    registry = DockerRegistry(directory)
    yield registry
    registry.close()
    for line in docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{registry.address}/*/*").split():
        docker("rmi", line)


@ONE_CALLER
def test_history_comes_along_through_a_registry(make: Make, place: Path, registry: DockerRegistry) -> None:
    history = frozen(make)
    caller = history.environment.caller
    before = history.told
    repository = f"{registry.address}/lab/tools"
    push = f"docker push --all-tags {repository}"
    said = history.environment.cleanenv("freeze", "--name", f"{repository}:1").stderr.splitlines()
    assert said[1] == f"made image {repository}:1; to push it with its snapshots: {push}"
    docker("push", "--all-tags", repository)
    # Five manifests and configurations, and the layers once: the base image and three snapshots.
    assert registry.blobs == 5 + 5 + 4
    caller.cleanenv("destroy", history.environment.path)
    tags = docker("images", "--format", "{{.Repository}}:{{.Tag}}", repository).split()
    assert sorted(tags) == [f"{repository}:1", *(f"{repository}:1-snapshot-{number}" for number in range(4))]
    docker("rmi", *tags)

    again = create_from(caller, f"{repository}:1", place / "again")

    assert docker("images", "--quiet", repository) == "", "what was fetched is not kept under its name"
    check(again, before)
    caller.cleanenv("destroy", again.environment.path)
    assert images(again.environment.path) == []


@ONE_CALLER
def test_image_that_was_pushed_alone_says_how_to_push(make: Make, place: Path, registry: DockerRegistry) -> None:
    history = frozen(make)
    caller = history.environment.caller
    repository = f"{registry.address}/lab/tools"
    history.environment.cleanenv("freeze", "--name", f"{repository}:1")
    docker("push", f"{repository}:1")
    docker("rmi", *docker("images", "--format", "{{.Repository}}:{{.Tag}}", repository).split())
    code, said, hint = error_of(caller.cleanenv("create", "--from", f"{repository}:1", place / "again"))
    assert code == 1
    assert said.startswith(f"image {repository}:1-snapshot-0: ")
    assert hint == f"where it was frozen: docker push --all-tags {repository}"
    assert not (place / "again").exists()
    assert docker("images", "--quiet", repository) == ""
    # What is in it is a base image as any other.
    result = caller.cleanenv("create", "-b", f"{repository}:1", "--link", "/bin/sh", place / "again")
    assert result.returncode == 0, result
    assert History(Environment(place / "again", caller)).files() == ["three"]
    caller.cleanenv("destroy", place / "again")


@ONE_CALLER
def test_image_runs_without_cleanenv(make: Make) -> None:
    history = frozen(make)
    history.environment.cleanenv("freeze", "--name", "localhost/cleanenv-tests/frozen:1")
    try:
        home = history.sh("echo ~").output.strip()
        listed = docker("run", "--rm", "--entrypoint", "ls", "localhost/cleanenv-tests/frozen:1", home)
        assert listed == "three"
    finally:
        name = "localhost/cleanenv-tests/frozen:1"
        docker("rmi", name, *(f"{name}-snapshot-{number}" for number in range(4)))


@ONE_CALLER
def test_what_is_no_frozen_environment_is_one_error_and_leaves_nothing(make: Make, place: Path, busybox: str) -> None:
    history = frozen(make)
    caller = history.environment.caller
    file = place / "frozen.tar"
    save(history, file)
    content = file.read_bytes()
    before = traces(caller, place)
    other = place / "other.tar"
    for length in (0, 1000, len(content) // 3, len(content) * 2 // 3):
        other.write_bytes(content[:length])
        code, said, _ = error_of(caller.cleanenv("create", "--from", other, place / "again"))
        assert (code, said.startswith(f"file {other}: it ")) == (2, True), said
    docker("save", "--output", str(other), busybox)
    code, said, _ = error_of(caller.cleanenv("create", "--from", other, place / "again"))
    assert (code, said) == (2, f"file {other}: it has images, but no environment")
    code, said, hint = error_of(caller.cleanenv("create", "--from", busybox, place / "again"))
    assert (code, hint) == (2, f"cleanenv create --base-image {busybox} PATH")
    other.unlink()
    assert traces(caller, place) == before


@ONE_CALLER
@at_moments(
    {"before": LOAD},
    {"after": LOAD},
    {"after": CREATE},
    {"before": START},
    {"after": START},
)
def test_killed_creation_is_removed_by_doctor(make: Make, sockets: Path, place: Path, moment: dict[str, str]) -> None:
    history = frozen(make)
    caller = history.environment.caller
    file = place / "frozen.tar"
    save(history, file)
    before = history.told
    again = place / "again"
    kill(caller, sockets, "create", "--from", str(file), again, **moment)
    caller.cleanenv("doctor", "--fix")
    assert str(again) not in caller.cleanenv("doctor").stdout
    if again.exists():  # it is whole, and only not started, or not mounted
        assert caller.cleanenv("start", "-e", again).output == ""
        check(History(Environment(again, caller)), before)
        caller.cleanenv("destroy", again)
    assert images(again) == []
    check(create_from(caller, file, again), before)


@ONE_CALLER
@at_moments(
    {"before": BUILD},
    {"after": BUILD},
    {"before": SAVE},
    {"after": SAVE},
)
def test_killed_freeze_leaves_no_file_and_no_image(
    make: Make, sockets: Path, place: Path, moment: dict[str, str]
) -> None:
    history = frozen(make)
    environment = history.environment
    file = place / "frozen.tar"
    kill(environment.caller, sockets, "freeze", "-e", environment.path, "--output", str(file), **moment)
    assert not file.exists()
    environment.caller.cleanenv("doctor", "--fix")
    assert str(environment.path) not in environment.caller.cleanenv("doctor").stdout
    assert docker("images", "--quiet", "--filter", f"label=cleanenv.temporary={environment.runtime.name}") == ""
    save(history, file)
