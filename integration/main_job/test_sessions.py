"""The container runs while a shell is in the environment or somebody calls, and no longer."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv import mounts
from integration.main_job.caller import ONE_CALLER, Argument, Caller, Environment, Shell, error_of, finish
from integration.main_job.conftest import Create
from integration.main_job.images import docker
from integration.main_job.traces import await_end, await_stop, servers

SHELLS = ("bash", "dash", "zsh")

pytestmark = ONE_CALLER


def is_running(environment: Environment) -> bool:
    return docker("inspect", "--format", "{{.State.Running}}", environment.container) == "true"


def events(environment: Environment) -> list[str]:
    """What the programs of on_activate and the like have written."""
    log = environment.path / ".cleanenv/log"
    return [line for line in log.read_text().splitlines() if " on-" not in line]


@contextlib.contextmanager
def entered(environment: Environment, name: str = "bash") -> Iterator[Shell]:
    with environment.caller.shell(name) as shell:
        assert shell.output(f". {environment.bin}/activate") == ""
        yield shell


@pytest.fixture
def small(create: Create) -> Environment:
    return create("--link=/bin/sh", "--link=/bin/sleep", "--on-activate=echo up", "--on-deactivate=echo down")


@pytest.mark.parametrize("name", SHELLS)
def test_one_shell_leaves_and_the_other_goes_on(small: Environment, name: str) -> None:
    with entered(small, name) as one, entered(small) as other:
        assert one.output("deactivate") == ""
        assert other.output("sh -c 'echo works'") == "works\n"
        assert one.output(f". {small.bin}/activate; deactivate") == ""
        assert is_running(small)

        # All that runs is stopped with the last one, which is told when it is.
        assert other.output("deactivate") == ""
        assert not is_running(small)
    assert events(small) == ["up", "down"]


def test_what_still_runs_is_stopped_with_the_last_shell(create: Create) -> None:
    environment = create("--link=/bin/sh")
    with entered(environment) as shell:
        script = "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
        call: list[Argument] = [environment.bin / "sh", "-c", script]
        with environment.caller.start(call) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            shell.output("deactivate")
            said, _of_sleep = process.communicate(timeout=60)
            assert (said, process.returncode) == (b"asked\n", 3)
        # What is called next does not run into the stop.
        assert shell.output(f"{environment.bin}/sh -c 'sleep 0.5; echo works'") == "works\n"


@pytest.mark.parametrize("how", ["SIGKILL", "closed terminal", "exit"])
def test_shell_that_is_gone_has_left(small: Environment, how: str) -> None:
    with entered(small) as other, entered(small) as shell:
        for each in (other, shell):
            if how == "SIGKILL":
                os.kill(each.pid, signal.SIGKILL)
            elif how == "exit":
                os.kill(each.pid, signal.SIGHUP)
            else:
                each.close()
            if each is other:
                assert shell.output("sh -c 'echo works'") == "works\n"
        await_stop(small)
    assert events(small) == ["up", "down"]


def test_entering_again_and_entering_another_one_are_one_session_each(small: Environment, create: Create) -> None:
    other = create("--link=/bin/cat", path=small.path.parent / "other")
    with entered(small) as shell:
        shell.output(f". {small.bin}/activate")
        assert events(small) == ["up"]  # it was not left in between
        shell.output(f". {other.bin}/activate")
        assert not is_running(small)
        assert is_running(other)
        shell.output("deactivate")
        await_stop(other)


def test_program_that_takes_the_place_of_a_shell_is_its_session(small: Environment) -> None:
    script = f". {small.bin}/activate && (sh -c 'echo works') && exec sleep 1000"
    with small.caller.start(["bash", "-c", script]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"works\n"
        assert f"{process.pid} " in small.cleanenv("status").output
        process.kill()
        await_stop(small)


def test_sessions_survive_the_server(small: Environment) -> None:
    with entered(small) as one:
        (server,) = servers(small.path)
        killed = [*server.children(), server]
        for process in killed:
            process.kill()
        await_end(killed)

        with entered(small) as other:  # which mounts it again
            assert "2 shells" in small.caller.cleanenv("list").output
            other.output("deactivate")
            assert is_running(small)
            assert one.output("sh -c 'echo works'") == "works\n"
            assert one.output("deactivate") == ""
            assert not is_running(small)


def test_shell_enters_what_is_not_mounted(small: Environment) -> None:
    mounts.unmount(str(small.bin))
    with entered(small) as shell:
        assert shell.output("sh -c 'echo works'") == "works\n"
        assert "1 shell" in small.caller.cleanenv("list").output


def test_shell_starts_what_was_stopped(small: Environment) -> None:
    small.cleanenv("stop")
    with entered(small):
        assert is_running(small)
    assert events(small) == ["up", "down", "up"]


def test_shell_does_not_enter_what_cannot_be_started(caller: Caller, place: Path, busybox: str) -> None:
    away = caller.with_variables(DOCKER_HOST=f"unix://{place}/docker.sock")
    (place / "docker.sock").symlink_to("/var/run/docker.sock")
    environment = Environment(place / "env", away)
    assert away.cleanenv("create", "-b", busybox, environment.path).returncode == 0
    environment.cleanenv("stop")
    (place / "docker.sock").unlink()

    with away.shell("bash") as shell:
        status, said = shell.run(f". {environment.bin}/activate")
        assert status == 1
        assert said.startswith("cleanenv: container engine of DOCKER_HOST=")
        assert shell.output('echo "${CLEAN_ENV-none}"') == "none\n"
    (place / "docker.sock").symlink_to("/var/run/docker.sock")


def test_persistent_environment_goes_on(create: Create) -> None:
    environment = create("--persistent", "--idle-timeout=1", "--on-deactivate=echo down", "--link=/bin/sh")
    with entered(environment) as shell:
        shell.output("deactivate")
    assert "never (persistent)" in environment.cleanenv("status").output
    with pytest.raises(subprocess.TimeoutExpired):
        docker("wait", environment.container, timeout_s=3)
    environment.cleanenv("stop")
    assert events(environment) == ["down"]


def test_failures_are_told_to_the_shell(create: Create) -> None:
    environment = create("--on-activate=exit 3", "--on-activate=echo up", "--on-deactivate=exit 4", "--link=/bin/sh")
    environment.cleanenv("stop")
    log = environment.path / ".cleanenv/log"
    with environment.caller.shell("bash") as shell:
        said = shell.output(f". {environment.bin}/activate")
        assert said == f"cleanenv: on-activate 'exit 3': it ended with status 3: see {log}\n"
        said = shell.output("deactivate")
        assert said == f"cleanenv: on-deactivate 'exit 4': it ended with status 4: see {log}\n"
    called = environment.run("sh", "-c", "echo works")
    assert (called.stdout, called.returncode) == ("works\n", 0)
    assert called.stderr == f"cleanenv: on-activate 'exit 3': it ended with status 3: see {log}\n"


# Without a shell


def test_idle_container_is_stopped_and_the_next_call_starts_it(create: Create) -> None:
    environment = create("--idle-timeout=1", "--on-activate=echo up", "--link=/bin/sh")
    for count in (1, 2):
        await_stop(environment)
        assert events(environment) == ["up"] * count
        assert environment.run("sh", "-c", "echo works").output == "works\n"


def test_call_and_shell_keep_a_container_from_being_idle(create: Create) -> None:
    environment = create("--idle-timeout=1", "--link=/bin/sh")
    call = environment.caller.start([environment.bin / "sh", "-c", "read line; echo $line"], stdin=subprocess.PIPE)
    with pytest.raises(subprocess.TimeoutExpired):
        docker("wait", environment.container, timeout_s=3)
    with entered(environment):
        assert finish(call, b"works\n").output == "works\n"
        with pytest.raises(subprocess.TimeoutExpired):
            docker("wait", environment.container, timeout_s=3)
    await_stop(environment)


def test_who_comes_during_an_idle_stop_waits_and_starts_it_again(create: Create, place: Path, caller: Caller) -> None:
    """on_deactivate holds the stop up until the test has seen that they wait."""
    hold, held = place / "hold", place / "held"
    for path in (hold, held):
        os.mkfifo(path)
        caller.own(path)
    environment = create(
        "-d", f"{place}:rw", "--link=/bin/sh", "--idle-timeout=1",
        f"--on-activate=echo up; test -p {hold} && exit; echo again",
        f"--on-deactivate=echo down; test -p {hold} || exit; echo closing > {held}; cat {hold}",
        path=caller.mkdir(place / "made") / "env",
    )  # fmt: skip
    assert held.read_text() == "closing\n"

    call = environment.caller.start([environment.bin / "sh", "-c", "echo works"])
    with environment.caller.shell("bash") as shell, environment.caller.shell("bash") as terminal:
        activate = caller.start(["bash", "-c", f". {environment.bin}/activate && sh -c 'echo works too'; read line"])
        for process in (call, activate):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.5)
        assert not environment.path.parent.joinpath("x").exists()
        hold.write_text("go on\n")
        hold.unlink()

        assert finish(call).output == "works\n"
        assert finish(activate).stdout == "works too\n"
        assert terminal.output(f"{environment.bin}/sh -c 'echo works as well'") == "works as well\n"
        del shell
    assert events(environment)[:5] == ["up", "down", "go on", "up", "again"]


# Destroy


def test_destroy_asks_for_the_sake_of_other_shells(small: Environment) -> None:
    with entered(small) as shell:
        refused = small.caller.cleanenv("destroy", small.path)
        why = f"destroy {small.path}: shells are in it ({shell.pid} bash)"
        assert error_of(refused) == (1, why, f"cleanenv destroy --yes {small.path}")
        assert shell.output("sh -c 'echo works'") == "works\n"

        assert small.caller.cleanenv("destroy", "--yes", small.path).output == ""
        assert not small.path.exists()
        assert shell.output("deactivate; echo $?") == "0\n"


def test_shell_destroys_what_it_is_in(small: Environment) -> None:
    with entered(small) as shell:
        before = shell.output("echo $PATH")
        assert shell.output("destroy") == ""
        assert not small.path.exists()
        assert shell.output("echo ${CLEAN_ENV-none}; sh -c 'echo the host'") == "none\nthe host\n"
        assert shell.output("echo $PATH") == before.partition(":")[2]


def test_shell_is_told_to_leave_what_a_program_destroys(small: Environment) -> None:
    with entered(small) as shell:
        assert shell.output(f"{small.bin}/destroy") == "this shell is still in it: type deactivate\n"
        assert not small.path.exists()
        assert shell.output("deactivate; sh -c 'echo the host'") == "the host\n"
