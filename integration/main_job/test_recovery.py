"""What may go wrong around an environment: nothing is lost, and the next call works or says what to type.

Ends of server, agent, container and terminal: test_lifecycle.py, test_sudden_ends.py; interrupted creates:
test_create.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Argument, Caller, Environment, error_of, finish
from integration.main_job.conftest import Create
from integration.main_job.engines import SecondEngine
from integration.main_job.images import docker
from integration.main_job.pausing_engine import PausingEngine
from integration.main_job.test_lifecycle import status, works
from integration.main_job.traces import containers, traces

pytestmark = ONE_CALLER

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")

# The engine's images and containers


@pytest.fixture
def own_image(busybox: str) -> Iterator[str]:
    """An image that a test may remove: no other has its id."""
    container = docker("create", busybox, "true")
    name = f"localhost/cleanenv-tests/removable:{container[:12]}"
    try:
        docker("commit", "--change", f"LABEL only={container}", container, name)
    finally:
        docker("rm", container)
    yield name
    docker("rmi", "--force", name, check=False)


def create_from(image: str, caller: Caller, path: Path, *options: Argument) -> Environment:
    result = caller.cleanenv("create", "-b", image, "--link", "/bin/sh", *options, path)
    assert result.returncode == 0, result
    return Environment(path, caller)


def test_environment_whose_image_was_removed_works_until_it_is_needed(
    caller: Caller, place: Path, own_image: str
) -> None:
    environment = create_from(own_image, caller, place / "env")
    environment.cleanenv("stop")
    docker("rmi", "--force", own_image)

    assert works(environment)
    code, message, hint = error_of(environment.cleanenv("reset"))
    assert (code, message) == (1, f"snapshot 0 (created): its image {own_image} was removed from the engine")
    assert hint == f"cleanenv create --clear {environment.path}"
    assert works(environment)


def test_environment_without_image_and_container_says_what_to_type(
    caller: Caller, place: Path, own_image: str, busybox: str
) -> None:
    environment = create_from(own_image, caller, place / "env")
    docker("rm", "--force", environment.container)
    docker("rmi", "--force", own_image)

    code, message, hint = error_of(environment.run("sh", "-c", "true"))

    assert (code, hint) == (125, f"cleanenv create --clear {environment.path}")
    assert f"its image {own_image} were removed from the engine" in message
    result = caller.cleanenv("create", "--clear", "-b", busybox, "--link", "/bin/sh", environment.path)
    assert result.returncode == 0, result
    assert works(environment)


if os.geteuid() == 0:  # mounts and daemons

    @pytest.fixture
    def engine(ground: Path, place: Path) -> Iterator[SecondEngine]:
        directory = ground / f"e-{place.name}"
        directory.mkdir()
        second = SecondEngine(directory)
        try:
            second.start()
            yield second
        finally:
            second.close()
            shutil.rmtree(directory, ignore_errors=True)

    def test_environment_outlives_a_restart_of_the_engine(
        caller: Caller, place: Path, engine: SecondEngine, busybox: str
    ) -> None:
        engine.copy_image(busybox)
        user = caller.with_variables(DOCKER_HOST=engine.address)
        environment = create_from(busybox, user, place / "env")
        assert environment.run("inenv", "sh", "-c", "echo kept >/file").output == ""

        engine.stop()
        code, message, hint = error_of(environment.run("sh", "-c", "true"))
        assert (code, "no such socket" in message or "Connection refused" in message) == (125, True), message
        assert hint.startswith("start that engine")

        engine.start()
        assert works(environment)
        assert environment.run("inenv", "cat", "/file").output == "kept\n"
        assert user.cleanenv("destroy", environment.path).output == ""
        assert engine.docker("ps", "-aq") == ""

    @pytest.fixture
    def disk(place: Path) -> Iterator[Path]:
        """A small disk of its own."""
        directory = place / "disk"
        directory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=755", "tmpfs", directory], check=True)
        yield directory
        subprocess.run(["umount", "--lazy", directory], check=True)

    def fill(disk: Path) -> Path:
        """Leave no byte on it."""
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return filler

    @pytest.mark.parametrize("left_kb", [0, 4, 8, 12, 100, 300])
    def test_create_on_a_full_disk_leaves_nothing(caller: Caller, disk: Path, busybox: str, left_kb: int) -> None:
        filler = fill(disk)
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - left_kb * 1024)
        before = traces(caller, disk)

        result = caller.cleanenv("create", "-b", busybox, "--link", "/bin/sh", disk / "env")

        if result.returncode == 0:
            assert left_kb >= 100
            assert caller.cleanenv("destroy", disk / "env").output == ""
        else:
            code, message, _ = error_of(result)
            assert (code, message.endswith("No space left on device")) == (1, True), message
        assert traces(caller, disk) == before

    def test_full_disk_at_a_write_of_the_state_loses_nothing(caller: Caller, disk: Path, busybox: str) -> None:
        environment = create_from(busybox, caller, disk / "env")
        filler = fill(disk)

        for command, *arguments in (("reset",), ("link", "/bin/cat")):
            code, message, _ = error_of(environment.cleanenv(command, *arguments))
            assert (code, "No space left on device" in message) == (1, True), message
            assert works(environment)
        assert len(containers(environment.path)) == 1

        filler.unlink()
        assert environment.cleanenv("link", "/bin/cat").output == ""
        assert environment.cleanenv("reset").output == ""
        assert works(environment)
        assert [path.name for path in environment.path.joinpath(".cleanenv").iterdir() if path.name[0] == "."] == []

    def test_environment_on_a_read_only_disk_is_used_as_ever(caller: Caller, disk: Path, busybox: str) -> None:
        environment = create_from(busybox, caller, disk / "env")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        try:
            assert works(environment)
            assert environment.cleanenv("stop").output == ""
            assert works(environment)
            assert environment.cleanenv("umount").output == ""
            with caller.shell("bash") as shell:
                assert shell.output(f". {environment.bin}/activate; sh -c 'echo works'") == "works\n"
            code, message, _ = error_of(environment.cleanenv("link", "/bin/cat"))
            assert (code, message.endswith("Read-only file system")) == (1, True), message
            assert works(environment)
        finally:
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert environment.cleanenv("link", "/bin/cat").output == ""


# Commands that are cut short

REMOVAL = r"DELETE /[^/]*/containers/"
CREATION = r"POST /[^/]*/containers/create"


@pytest.fixture
def sockets(ground: Path, place: Path) -> Path:
    """A short directory for sockets, which no container and no listing sees."""
    directory = ground / f"s-{place.name}"
    directory.mkdir()
    return directory


def cut_short(
    environment: Environment, sockets: Path, number: signal.Signals, moment: dict[str, str], *command: Argument
) -> None:
    """Send the signal to the command at a request to the engine; KILL to what it does in the background, at that."""
    with PausingEngine(sockets / "engine", ENGINE, **moment) as engine:
        user = environment.caller.with_variables(DOCKER_HOST=engine.address)
        process = user.start([user.executable, *command])
        engine.wait()
        os.kill(engine.waiting if number == signal.SIGKILL else process.pid, number)
        engine.go_on()
        finish(process)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("moment", [{"before": REMOVAL}, {"after": REMOVAL}])
def test_destroy_that_is_cut_short_can_be_said_again(
    caller: Caller, place: Path, sockets: Path, create: Create, number: signal.Signals, moment: dict[str, str]
) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    cut_short(environment, sockets, number, moment, "destroy", environment.path)
    assert works(environment)
    assert caller.cleanenv("destroy", environment.path).output == ""
    assert traces(caller, place) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("moment", [{"before": REMOVAL}, {"after": REMOVAL}, {"before": CREATION}, {"after": CREATION}])
def test_environment_whose_reset_is_cut_short_works(
    caller: Caller, place: Path, sockets: Path, create: Create, number: signal.Signals, moment: dict[str, str]
) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    cut_short(environment, sockets, number, moment, "reset", "-e", environment.path)
    assert works(environment)
    assert environment.cleanenv("start").output == ""
    assert len(containers(environment.path)) == 1
    assert status(environment)["container"] == "running"
    assert caller.cleanenv("destroy", environment.path).output == ""
    assert traces(caller, place) == before


# Two at the same time


def test_destroys_at_once_destroy_once(caller: Caller, place: Path, create: Create) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    command: list[Argument] = [caller.executable, "destroy", environment.path]

    results = [finish(process) for process in [caller.start(command) for _ in range(3)]]

    assert 0 in [result.returncode for result in results]
    for result in results:
        if result.returncode:
            assert error_of(result)[1] == f"environment {environment.path}: there is none at that path"
    assert traces(caller, place) == before


def test_links_at_once_are_all_there(caller: Caller, create: Create) -> None:
    environment = create("--link", "/bin/sh")
    names = ("cat", "ls", "id", "env")
    started = [caller.start([caller.executable, "link", "-e", environment.path, f"/bin/{name}"]) for name in names]
    assert [finish(process).output for process in started] == [""] * len(names)
    links = status(environment)["links"]
    assert isinstance(links, list)
    assert sorted(links) == sorted(f"{name}:/bin/{name}" for name in ("sh", *names))
    for name in names:
        assert (environment.bin / name).exists()


def test_link_and_destroy_at_once_leave_nothing_half_made(caller: Caller, place: Path, create: Create) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    link = caller.start([caller.executable, "link", "-e", environment.path, "/bin/cat"])
    destroy = caller.start([caller.executable, "destroy", environment.path])

    linked, destroyed = finish(link), finish(destroy)

    assert destroyed.output == ""
    if linked.returncode:
        assert error_of(linked)[1] == f"environment {environment.path}: there is none at that path"
    assert traces(caller, place) == before


# Files


def test_state_that_a_power_cut_has_truncated_is_told_and_calls_go_on(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    state = environment.path / ".cleanenv/state.json"
    text = state.read_text()
    for length in (0, 1, len(text) // 2, len(text) - 3):
        state.write_text(text[:length])
        for command in ("status", "start", "stop", "reset"):
            code, message, _ = error_of(environment.cleanenv(command))
            assert (code, message.startswith(f"state file {state}: it is damaged")) == (1, True), message
        assert works(environment)  # a call needs nothing of it
    state.write_text(text)
    assert environment.cleanenv("reset").output == ""
    assert works(environment)


def test_environment_of_another_version_goes_on(caller: Caller, create: Create) -> None:
    environment = create("--link", "/bin/sh")
    state = environment.path / ".cleanenv/state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "cleanenv_version": "0.0.1"}))

    assert works(environment)
    assert environment.cleanenv("link", "/bin/cat").output == ""
    assert environment.cleanenv("stop").output == ""
    assert works(environment)
    assert environment.cleanenv("reset").output == ""
    assert works(environment)

    state.write_text(json.dumps({**json.loads(state.read_text()), "version": 1}))
    code, message, hint = error_of(environment.cleanenv("status"))
    assert (code, message) == (
        1,
        f"state file {state}: cleanenv 0.0.1 wrote it, in version 1; this one knows version 5",
    )
    assert hint.startswith("pip install cleanenv==0.0.1, or make the environment anew: ")
    assert works(environment)
    assert caller.cleanenv("destroy", environment.path).output == ""
    assert not environment.path.exists()
