"""A create that fails or is interrupted leaves nothing; one that replaces leaves nothing of what was there."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Argument, Caller, Environment, error_of, finish
from integration.main_job.conftest import Create
from integration.main_job.images import docker
from integration.main_job.pausing_engine import PausingEngine
from integration.main_job.traces import containers, traces

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")

# The moments of a create, as requests to the engine: (before, after) it.
MOMENTS = {
    "it looks for the image": (r"GET /[^/]*/images/", ""),
    "the container is about to be created": (r"POST /[^/]*/containers/create", ""),
    "the container was just created": ("", r"POST /[^/]*/containers/create"),
    "the container is about to be started": (r"POST /[^/]*/containers/[0-9a-f]+/start", ""),
    "the container was just started": ("", r"POST /[^/]*/containers/[0-9a-f]+/start"),
}


@pytest.fixture
def sockets(ground: Path, place: Path) -> Path:
    """A short directory for sockets, which no container and no listing sees."""
    directory = ground / f"s-{place.name}"
    directory.mkdir()
    return directory


@ONE_CALLER
@pytest.mark.parametrize("moment", MOMENTS)
def test_interrupted_create_leaves_nothing(
    caller: Caller, place: Path, sockets: Path, busybox: str, moment: str
) -> None:
    interrupt_create(caller, place, sockets, busybox, moment, signal.SIGINT, 130)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_create_of_a_lost_terminal_leaves_nothing(
    caller: Caller, place: Path, sockets: Path, busybox: str, number: signal.Signals
) -> None:
    moment = "the container was just created"
    interrupt_create(caller, place, sockets, busybox, moment, number, 128 + number)


def interrupt_create(
    caller: Caller, place: Path, sockets: Path, busybox: str, moment: str, number: signal.Signals, code: int
) -> None:
    before, after = MOMENTS[moment]
    untouched = traces(caller, place)
    with PausingEngine(sockets / "engine", ENGINE, before=before, after=after) as engine:
        user = caller.with_variables(DOCKER_HOST=engine.address)
        process = user.start([user.executable, "create", "-b", busybox, "--link", "/bin/sh", place / "deep/env"])
        engine.wait()
        process.send_signal(number)
        engine.go_on()
        result = finish(process)

    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.strip() in {"", "cleanenv: interrupted: nothing more is done"}
    assert traces(caller, place) == untouched


@ONE_CALLER
def test_second_interrupt_does_not_stop_the_tidying_up(
    caller: Caller, place: Path, sockets: Path, busybox: str
) -> None:
    untouched = traces(caller, place)
    with PausingEngine(sockets / "engine", ENGINE, before=r"DELETE /[^/]*/containers/") as engine:
        user = caller.with_variables(DOCKER_HOST=engine.address)
        # The link is to nothing: so the container that was made for the look is removed.
        process = user.start([user.executable, "create", "-b", busybox, "--link", "/no/program", place / "env"])
        engine.wait()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        engine.go_on()
        finish(process)

    assert traces(caller, place) == untouched


@ONE_CALLER
@pytest.mark.parametrize("moment", ["the container was just created", "the container was just started"])
def test_what_a_killed_create_left_can_be_cleared(
    caller: Caller, place: Path, sockets: Path, busybox: str, moment: str
) -> None:
    before, after = MOMENTS[moment]
    path = place / "env"
    with PausingEngine(sockets / "engine", ENGINE, before=before, after=after) as engine:
        user = caller.with_variables(DOCKER_HOST=engine.address)
        process = user.start([user.executable, "create", "-b", busybox, path])
        engine.wait()
        process.kill()
        finish(process)

    refused = caller.cleanenv("create", "-b", busybox, "--link", "/bin/sh", path)
    cleared = caller.cleanenv("create", "-b", busybox, "--link", "/bin/sh", "--clear", path)

    hint = f"cleanenv create --clear {path}"
    assert error_of(refused) == (2, f"environment {path}: there is one at that path", hint)
    assert cleared.returncode == 0, cleared
    assert len(containers(path)) == 1
    assert caller.run(path / "bin/sh", "-c", "echo works").output == "works\n"


@ONE_CALLER
def test_engine_that_goes_away_leaves_no_files(caller: Caller, place: Path, sockets: Path, busybox: str) -> None:
    untouched = traces(caller, place)
    with PausingEngine(sockets / "engine", ENGINE, before=r"POST /[^/]*/containers/create") as engine:
        user = caller.with_variables(DOCKER_HOST=engine.address)
        process = user.start([user.executable, "create", "-b", busybox, place / "env"])
        engine.wait()
        engine.close()
        engine.go_on()
        result = finish(process)

    code, message, _ = error_of(result)
    assert code == 1, message
    assert {trace for trace in traces(caller, place) - untouched if not trace.startswith("container")} == set()


@ONE_CALLER
def test_creates_at_once_make_one_environment(caller: Caller, place: Path, busybox: str) -> None:
    path = place / "env"
    command: list[Argument] = [caller.executable, "create", "-b", busybox, "--link", "/bin/sh", path]
    results = [finish(process) for process in [caller.start(command) for _ in range(3)]]

    assert sorted(result.returncode for result in results) == [0, 2, 2]
    for result in results:
        if result.returncode:
            assert error_of(result)[1] == f"environment {path}: there is one at that path"
    assert len(containers(path)) == 1
    assert caller.run(path / "bin/sh", "-c", "echo works").output == "works\n"


def test_clear_replaces_the_environment_and_keeps_what_is_the_users(
    caller: Caller, place: Path, create: Create, busybox: str
) -> None:
    old = create("--link", "/bin/sh")
    mine = caller.write(old.path / "mine", "text")
    container, runtime = old.container, old.runtime

    result = caller.cleanenv("create", "-b", busybox, "--link", "/bin/cat", "--clear", old.path)

    assert result.returncode == 0, result
    assert (docker("ps", "-aq", "--no-trunc", "--filter", f"id={container}"), runtime.exists()) == ("", False)
    assert caller.run(old.bin / "cat", mine).output == "text"
    assert not (old.bin / "sh").exists() if caller.uid == os.geteuid() else True
    assert len(containers(place)) == 1


@ONE_CALLER
def test_clear_replaces_a_damaged_environment(caller: Caller, create: Create, busybox: str) -> None:
    environment = create("--link", "/bin/sh")
    environment.path.joinpath(".cleanenv/state.json").write_text("{")

    result = caller.cleanenv("create", "-b", busybox, "--link", "/bin/sh", "--clear", environment.path)

    assert result.returncode == 0, result
    assert len(containers(environment.path)) == 1
    assert environment.run("sh", "-c", "echo works").output == "works\n"


@ONE_CALLER
def test_clear_of_nothing_is_a_create(create: Create) -> None:
    assert create("--clear", "--link", "/bin/sh").run("sh", "-c", "echo works").output == "works\n"


@ONE_CALLER
def test_create_without_a_base_image_takes_one_like_the_host(caller: Caller, place: Path, debian: str) -> None:
    del debian  # made of that base, which is there since
    environment = Environment(place / "env", caller)
    result = caller.cleanenv("create", "--link", "/bin/cat", environment.path)
    assert result.returncode == 0, result

    inside = environment.cleanenv("exec", "--", "cat", "/etc/os-release").output
    assert [line for line in inside.splitlines() if line.startswith("ID=")] == [
        line for line in Path("/etc/os-release").read_text().splitlines() if line.startswith("ID=")
    ]


@ONE_CALLER
@pytest.mark.parametrize(
    ("options", "what"),
    [(["-b", "localhost:1/nothing/here:1"], "image")],
)
def test_create_that_the_engine_refuses_leaves_nothing(
    caller: Caller, place: Path, busybox: str, options: list[str], what: str
) -> None:
    untouched = traces(caller, place)

    code, message, _ = error_of(caller.cleanenv("create", "-b", busybox, *options, place / "env"))

    assert (code, what in message) == (1, True), message
    assert traces(caller, place) == untouched


# The engine


@ONE_CALLER
@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("unix:///nowhere/docker.sock", "there is no such socket", "start that engine, or: unset DOCKER_HOST"),
        ("tcp://127.0.0.1:1", "Connection refused", "start that engine, or: unset DOCKER_HOST"),
        ("ssh://elsewhere", "an engine on another machine cannot see this machine's files", "unset DOCKER_HOST"),
        ("nonsense", "that is no address", "unset DOCKER_HOST"),
    ],
)
def test_engine_that_is_not_there_is_one_clear_error(
    caller: Caller, place: Path, address: str, message: str, hint: str
) -> None:
    untouched = traces(caller, place)
    user = caller.with_variables(DOCKER_HOST=address)

    code, said, suggested = error_of(user.cleanenv("create", place / "env"))

    assert (code, message in said, hint in suggested) == (1, True, True), (said, suggested)
    assert address in said
    assert traces(caller, place) == untouched


@ONE_CALLER
def test_commands_that_need_no_engine_work_without_one(small: Environment) -> None:
    user = small.caller.with_variables(DOCKER_HOST="unix:///nowhere")
    assert str(small.path) in user.cleanenv("list").output
    assert user.cleanenv("exec", "-e", small.path, "--", "echo", "works").output == "works\n"
    assert error_of(user.cleanenv("status", "-e", small.path))[0] == 1
    assert error_of(user.cleanenv("destroy", small.path))[0] == 1
    assert small.run("sh", "-c", "echo works").output == "works\n"


@ONE_CALLER
def test_call_that_cannot_start_the_container_says_why(
    caller: Caller, place: Path, sockets: Path, busybox: str
) -> None:
    path = place / "env"
    with PausingEngine(sockets / "engine", ENGINE) as engine:
        user = caller.with_variables(DOCKER_HOST=engine.address)
        assert user.cleanenv("create", "-b", busybox, "--link", "/bin/sh", path).returncode == 0
    docker("kill", next(iter(containers(path))))

    code, message, hint = error_of(caller.run(path / "bin/sh", "-c", "true"))

    assert code == 125
    assert message.startswith(f"container engine of DOCKER_HOST={engine.address}: ")
    assert hint.startswith("start that engine, or: unset DOCKER_HOST")


if os.geteuid() == 0:

    def test_user_without_permission_is_told_the_command(user: Caller) -> None:
        stranger = replace(user, groups=())
        untouched = traces(user, user.home)

        code, message, hint = error_of(stranger.cleanenv("create", user.home / "env"))

        assert (code, message) == (1, f"container engine: no permission to use {ENGINE}")
        assert hint.startswith(("sudo usermod -aG docker", "log in again"))
        assert traces(user, user.home) == untouched

    def test_user_without_permission_for_the_directory_is_told(user: Caller, ground: Path, busybox: str) -> None:
        code, message, hint = error_of(user.cleanenv("create", "-b", busybox, ground / "forbidden/env"))

        assert (code, hint) == (1, "choose another path")
        assert message == f"environment {ground}/forbidden/env: {ground}/forbidden: Permission denied"
