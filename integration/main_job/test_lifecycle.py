"""An environment goes on after everything that may happen to it, and goes away without a trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from cleanenv import mounts
from integration.main_job.caller import ONE_CALLER, Argument, Caller, Environment, error_of
from integration.main_job.conftest import Create
from integration.main_job.images import docker
from integration.main_job.traces import await_end, await_unmount, servers, traces


def works(environment: Environment) -> bool:
    return environment.run("sh", "-c", "echo works").output == "works\n"


def kill_server(environment: Environment) -> None:
    """Kill it with the helper that would unmount the directory then: the mount is dead."""
    (server,) = servers(environment.path)
    processes = [*server.children(), server]
    for process in processes:
        process.kill()
    await_end(processes)
    looked_at = environment.caller.run("stat", "-f", environment.bin)
    assert "Transport endpoint is not connected" in looked_at.stderr


def start_program(environment: Environment) -> subprocess.Popen[bytes]:
    """Start a program that writes `ready`, waits for a line and writes it."""
    command: list[Argument] = [environment.bin / "sh", "-c", "echo ready; read line; echo $line"]
    process = environment.caller.start(command, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def status(environment: Environment) -> dict[str, object]:
    told: dict[str, object] = json.loads(environment.cleanenv("status", "--json").output)
    return told


# The container


@ONE_CALLER
@pytest.mark.parametrize("how", ["cleanenv stop", "docker kill", "docker rm"])
def test_next_call_starts_the_container(create: Create, how: str) -> None:
    environment = create("--link", "/bin/sh")
    if how == "cleanenv stop":
        assert environment.cleanenv("stop").output == ""
    else:
        docker(*how.split()[1:], *(["--force"] if how.endswith("rm") else []), environment.container)

    assert works(environment)


@ONE_CALLER
def test_calls_at_once_start_the_container_once(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    environment.cleanenv("stop")

    started = [environment.caller.start([environment.bin / "sh", "-c", "echo works"]) for _ in range(8)]
    outputs = []
    for process in started:
        with process:
            outputs.append(process.communicate(timeout=60))

    assert outputs == [(b"works\n", b"")] * 8
    assert len(docker("ps", "-q", "--filter", f"label=cleanenv.path={environment.path}").split()) == 1


@ONE_CALLER
def test_stop_ends_the_programs_and_may_be_said_twice(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    with start_program(environment) as process:
        assert environment.cleanenv("stop").output == ""
        assert process.wait(timeout=60) == -signal.SIGTERM
    assert environment.cleanenv("stop").output == ""


@ONE_CALLER
def test_reset_takes_away_what_was_changed_in_the_container(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    container = environment.container
    environment.run("sh", "-c", "echo changed > ~/file")
    server = servers(environment.path)
    with start_program(environment) as process:
        done = environment.cleanenv("reset")
        assert (done.returncode, done.stderr) == (0, "saved as snapshot 1 (before-restore-1)\n")
        assert process.wait(timeout=60) == -signal.SIGTERM
    assert environment.container != container
    assert environment.run("sh", "-c", "cat ~/file; echo works").stdout == "works\n"
    assert servers(environment.path) == server


@ONE_CALLER
def test_stopping_what_somebody_removed_is_fine(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    docker("rm", "--force", environment.container)
    assert environment.cleanenv("stop").output == ""
    assert works(environment)


@ONE_CALLER
def test_files_in_the_container_survive_a_stop(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    environment.run("inenv", "sh", "-c", "echo kept > ~/file")
    environment.cleanenv("stop")
    assert environment.run("inenv", "sh", "-c", "cat ~/file").output == "kept\n"


# The environment server


def test_start_mounts_the_directory_of_a_killed_server_again(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    kill_server(environment)

    assert environment.cleanenv("start").output == ""

    assert works(environment)
    assert len(mounts.entries(str(environment.bin))) == len(servers(environment.path)) == 1


@ONE_CALLER
def test_exec_mounts_the_directory_of_a_killed_server_again(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    kill_server(environment)
    assert environment.cleanenv("exec", "--", "echo", "works").output == "works\n"
    assert works(environment)


@ONE_CALLER
def test_environment_of_a_killed_server_can_be_entered(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    (server,) = servers(environment.path)
    server.kill()
    await_unmount(environment.bin)

    with environment.caller.shell("bash") as shell:
        assert shell.output(f". {environment.bin}/activate; sh -c 'echo works'") == "works\n"
    assert len(mounts.entries(str(environment.bin))) == len(servers(environment.path)) == 1


@ONE_CALLER
def test_programs_go_on_when_their_server_is_killed(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    with start_program(environment) as process:
        kill_server(environment)
        output, errors = process.communicate(b"still here\n", timeout=60)
    assert (output, errors, process.returncode) == (b"still here\n", b"", 0)


@ONE_CALLER
def test_directory_that_somebody_unmounted_is_mounted_again(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    unmount = ["umount"] if os.geteuid() == 0 else ["fusermount", "-u"]
    subprocess.run([*unmount, environment.bin], check=True)

    with environment.caller.shell("bash") as shell:
        # Beneath the mount lies the script, so that an environment can be entered after a reboot.
        assert shell.output(f". {environment.bin}/activate; sh -c 'echo works'") == "works\n"
    assert len(mounts.entries(str(environment.bin))) == 1


@ONE_CALLER
def test_environment_works_after_a_reboot(create: Create) -> None:
    """Nothing runs, nothing is mounted, and the runtime directory is gone."""
    environment = create("--link", "/bin/sh")
    docker("kill", environment.container)
    kill_server(environment)
    mounts.unmount(str(environment.bin), lazy=True)
    shutil.rmtree(environment.runtime)

    with environment.caller.shell("bash") as shell:
        assert shell.output(f". {environment.bin}/activate; sh -c 'echo works'") == "works\n"


@ONE_CALLER
def test_start_may_be_said_by_several_at_once(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    environment.cleanenv("stop")
    kill_server(environment)

    command: list[Argument] = [environment.caller.executable, "start", "-e", environment.path]
    for process in [environment.caller.start(command) for _ in range(4)]:
        with process:
            assert process.communicate(timeout=60) == (b"", b"")

    assert works(environment)
    assert len(mounts.entries(str(environment.bin))) == len(servers(environment.path)) == 1


@ONE_CALLER
def test_call_without_server_and_container_says_what_to_type(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    docker("kill", environment.container)
    os.unlink(environment.runtime / "control.sock")

    result = environment.run("sh", "-c", "true")

    code, message, hint = error_of(result)
    assert (code, hint) == (125, f"cleanenv start -e '{environment.path}'")
    assert "its server is gone" in message


# list and status


@ONE_CALLER
def test_list_and_status_tell_what_there_is(create: Create, busybox: str) -> None:
    environment = create("--link", "/bin/sh", "--link", "/opt/*", "-d", "/var/log:/logs")
    caller = environment.caller

    told = status(environment)
    assert {key: told[key] for key in ("path", "container", "container_id", "image", "user", "live_directory")} == {
        "path": str(environment.path),
        "container": "running",
        "container_id": environment.container,
        "image": busybox,
        "user": caller.name,
        "live_directory": "live",
    }
    assert (told["mounts"], told["links"]) == (
        ["/:/r:ro", "/tmp:/tmp:rw", "/var/log:/logs:ro"],
        ["sh:/bin/sh", "/opt/*"],
    )
    summary = {"path": str(environment.path), "state": "running", "image": busybox, "sessions": 0}
    assert summary in json.loads(caller.cleanenv("list", "--json").output)
    assert [str(environment.path), "running", busybox] in [
        line.split() for line in caller.cleanenv("list").output.splitlines()
    ]

    environment.cleanenv("stop")
    kill_server(environment)
    assert summary | {"state": "stopped"} in json.loads(caller.cleanenv("list", "--json").output)
    told = status(environment)
    assert (told["container"], told["live_directory"]) == ("exited", "dead")


@ONE_CALLER
def test_status_tells_the_programs_that_run(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    with start_program(environment) as process:
        programs = status(environment)["programs"]
        process.kill()
    assert isinstance(programs, list)
    assert [name for _, name in programs] == ["sh"]


@ONE_CALLER
def test_damaged_environment_is_listed_and_refused_in_one_line(create: Create) -> None:
    environment = create("--link", "/bin/sh")
    state = environment.path / ".cleanenv/state.json"
    text = state.read_text()
    state.write_text(text[:100])

    listed = json.loads(environment.caller.cleanenv("list", "--json").output)
    code, message, _ = error_of(environment.cleanenv("status"))

    state.write_text(text)
    assert {"path": str(environment.path), "state": "damaged", "image": "", "sessions": 0} in listed
    assert (code, message.startswith(f"state file {state}: it is damaged")) == (1, True)


# destroy


def test_destroy_leaves_nothing(caller: Caller, place: Path, create: Create) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")

    assert caller.cleanenv("destroy", environment.path).output == ""

    assert traces(caller, place) == before


@ONE_CALLER
@pytest.mark.parametrize("how", ["stopped", "removed", "killed server", "unmounted"])
def test_destroy_takes_any_state(caller: Caller, place: Path, create: Create, how: str) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    if how == "stopped":
        environment.cleanenv("stop")
    elif how == "removed":
        docker("rm", "--force", environment.container)
    elif how == "killed server":
        kill_server(environment)
    elif how == "unmounted":
        caller.run("fusermount", "-u", environment.bin)

    assert caller.cleanenv("destroy", environment.path).output == ""

    assert traces(caller, place) == before


@ONE_CALLER
def test_destroy_keeps_what_the_user_put_there(caller: Caller, place: Path, create: Create) -> None:
    path = caller.mkdir(place / "env")
    mine = caller.write(path / "mine", "text")
    before = traces(caller, place)
    create("--link", "/bin/sh", path=path)

    assert caller.run(path / "bin/destroy").output == ""

    assert (traces(caller, place), mine.read_text()) == (before, "text")


@ONE_CALLER
def test_destroy_ends_programs_and_works_from_within(caller: Caller, place: Path, create: Create) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    with start_program(environment) as process:
        # Nobody but its user enters it.
        words = ('cd "$0" && exec "$@"', environment.bin, caller.executable, "destroy", environment.path)
        assert caller.run("sh", "-c", *words).output == ""
        assert process.wait(timeout=60) != 0
    assert traces(caller, place) == before


@ONE_CALLER
def test_destroy_that_was_cut_short_can_be_said_again(caller: Caller, place: Path, create: Create) -> None:
    before = traces(caller, place)
    environment = create("--link", "/bin/sh")
    docker("rm", "--force", environment.container)
    kill_server(environment)
    mounts.unmount(str(environment.bin), lazy=True)
    shutil.rmtree(environment.bin)
    environment.path.joinpath(".cleanenv/agent").unlink()

    assert caller.cleanenv("destroy", environment.path).output == ""

    assert traces(caller, place) == before


@ONE_CALLER
def test_environments_are_independent(caller: Caller, place: Path, create: Create) -> None:
    first = create("--link", "/bin/sh", path=place / "first")
    second = create("--link", "/bin/sh", path=place / "second")
    first.run("inenv", "sh", "-c", "echo x > /only-first")

    assert second.run("inenv", "ls", "/only-first").returncode == 1
    caller.cleanenv("destroy", first.path)
    assert works(second)
