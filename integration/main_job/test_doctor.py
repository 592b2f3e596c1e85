"""`cleanenv doctor` on a real host: nothing is wrong with what works, and what breaks is found, told and mended."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from cleanenv import mounts
from integration.main_job.caller import ONE_CALLER, Caller, Environment, finish
from integration.main_job.conftest import Create
from integration.main_job.images import docker
from integration.main_job.pausing_engine import PausingEngine
from integration.main_job.test_lifecycle import kill_server, works
from integration.main_job.traces import await_end, servers, traces

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


def findings(caller: Caller, below: Path, *options: str) -> list[dict[str, object]]:
    """What is wrong with what is below the directory: other tests have environments too."""
    result = caller.cleanenv("doctor", "--json", *options)
    assert result.stderr == "", result
    told = json.loads(result.stdout)
    assert (result.returncode == 0) == (told["wrong"] == []), result
    return [finding for finding in told["wrong"] if str(below) in json.dumps(finding)]


def typed(caller: Caller, finding: dict[str, object]) -> None:
    """Type what doctor says, in a shell that knows cleanenv."""
    path = f"{caller.executable.parent}:{caller.variables['PATH']}"
    result = caller.with_variables(PATH=path).run("sh", "-c", str(finding["hint"]))
    assert result.returncode == 0, result


def test_nothing_is_wrong_with_what_works(caller: Caller, place: Path, create: Create) -> None:
    environment = create("--link", "/bin/sh")
    assert findings(caller, place) == []
    environment.cleanenv("stop")
    environment.cleanenv("umount")
    assert findings(caller, place) == []


@ONE_CALLER
@pytest.mark.parametrize("how", ["fix", "typed"])
def test_dead_live_directory_is_mended(caller: Caller, place: Path, create: Create, how: str) -> None:
    environment = create("--link", "/bin/sh")
    kill_server(environment)

    (finding,) = findings(caller, place)
    assert (finding["what"], finding["why"]) == (f"live directory {environment.bin}", "its server was killed")
    if how == "fix":
        assert findings(caller, place, "--fix") == []
    else:
        typed(caller, finding)

    assert works(environment)
    assert findings(caller, place) == []


@ONE_CALLER
def test_stopped_server_is_told_with_its_pid(caller: Caller, place: Path, create: Create) -> None:
    environment = create("--link", "/bin/sh")
    (server,) = servers(environment.path)
    server.send_signal(signal.SIGSTOP)
    try:
        (finding,) = findings(caller, place)
        assert finding["hint"] == f"kill -9 {server.pid} && cleanenv mount -e {environment.path}"
        typed(caller, finding)
    finally:
        await_end([server])
    assert works(environment)
    assert findings(caller, place) == []


@ONE_CALLER
def test_environment_whose_directory_was_removed_goes_by_what_doctor_says(
    caller: Caller, place: Path, create: Create
) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    # As somebody does who does not know better: the live directory cannot be removed, all else can.
    assert caller.run("rm", "-rf", environment.path).returncode == 1
    assert not environment.path.joinpath(".cleanenv").exists()

    assert [finding["why"] for finding in findings(caller, place, "--fix")] == [
        f"its environment {environment.path} is gone"  # its container has changes: that is for the user to say
    ]
    (finding,) = findings(caller, place)
    assert finding["hint"] == f"cleanenv destroy {environment.path}"
    typed(caller, finding)

    assert findings(caller, place) == []
    assert traces(caller, place) == before


@ONE_CALLER
@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_a_killed_create_left_is_removed(
    caller: Caller, place: Path, ground: Path, busybox: str, moment: str
) -> None:
    request = r"POST /[^/]*/containers/create"
    sockets = ground / f"s-{place.name}"
    sockets.mkdir()
    before = traces(caller, place)
    with PausingEngine(sockets / "engine", ENGINE, **{moment: request}) as engine:
        user = caller.with_variables(DOCKER_HOST=engine.address)
        process = user.start([user.executable, "create", "-b", busybox, place / "env"])
        engine.wait()
        assert findings(caller, place) == []  # it is at work
        process.kill()
        finish(process)

    (finding,) = findings(caller, place)
    assert finding["why"] == "it is half-made: a create was killed"
    assert findings(caller, place, "--fix") == []
    assert traces(caller, place) == before


@ONE_CALLER
def test_paused_container_and_damaged_state_are_told(caller: Caller, place: Path, create: Create) -> None:
    environment = create("--link", "/bin/sh")
    docker("pause", environment.container)
    (finding,) = findings(caller, place)
    assert finding["why"] == "it is paused"
    typed(caller, finding)
    assert works(environment)

    state = environment.path / ".cleanenv/state.json"
    state.write_text(state.read_text()[:100])
    (finding,) = findings(caller, place, "--fix")
    assert finding["hint"] == f"cleanenv destroy {environment.path}"
    typed(caller, finding)
    assert not environment.path.exists()


@ONE_CALLER
def test_findings_are_lines_and_an_exit_status(caller: Caller, create: Create) -> None:
    environment = create("--link", "/bin/sh")
    shutil.rmtree(environment.path / ".cleanenv/agent", ignore_errors=True)
    (environment.path / ".cleanenv/agent").unlink()

    result = caller.cleanenv("doctor")

    line = f"program {environment.path}/.cleanenv/agent: it is missing, its programs cannot be started without it."
    assert any(told.startswith(f"{line} Type: cleanenv doctor --fix") for told in result.stdout.splitlines())
    assert (result.returncode, result.stderr) == (1, "")
    assert f"mended: {line[:-1]}" in caller.cleanenv("doctor", "--fix").stdout


@ONE_CALLER
def test_engine_that_is_not_there_is_told(caller: Caller) -> None:
    result = caller.with_variables(DOCKER_HOST="unix:///nowhere").cleanenv("doctor")
    assert result.returncode == 1
    assert "container engine of DOCKER_HOST=unix:///nowhere: there is no such socket. Type: " in result.stdout


# The live directory alone


@ONE_CALLER
def test_live_directory_is_taken_away_and_comes_back(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    container = environment.container
    for _ in range(2):
        assert environment.cleanenv("umount").output == ""
        assert (mounts.entries(str(environment.bin)), servers(environment.path)) == ((), [])
    assert docker("inspect", "--format", "{{.State.Running}}", container) == "true"
    assert min(path.name for path in environment.bin.iterdir()) == "activate"

    environment.cleanenv("stop")
    for _ in range(2):
        assert environment.cleanenv("mount").output == ""
    assert docker("inspect", "--format", "{{.State.Running}}", container) == "false"
    assert works(environment)


@ONE_CALLER
def test_logs_show_what_hooks_and_server_wrote(create: Create) -> None:
    environment: Environment = create("--link", "/bin/sh", "--on-activate", "echo from the hook")
    shown = environment.cleanenv("logs").output
    assert f"==> hooks: {environment.path}/.cleanenv/log <==\n" in shown
    assert "from the hook\n" in shown
    assert environment.cleanenv("logs", "hooks", "-n", "1").output == "from the hook\n"

    process = environment.caller.start([environment.caller.executable, "logs", "-f", "hooks", "-e", environment.path])
    assert process.stdout is not None
    assert process.stdout.readline().endswith(b"on-activate: echo from the hook\n")
    assert process.stdout.readline() == b"from the hook\n"
    assert environment.caller.cleanenv("destroy", environment.path).returncode == 0
    assert finish(process).returncode == 0
