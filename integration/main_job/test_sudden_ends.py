"""Whatever dies first, nobody is left behind, and whoever waits is told."""

from __future__ import annotations

import select
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import pytest

from integration.main_job.caller import ONE_CALLER, Environment, finish
from integration.main_job.conftest import Create
from integration.main_job.images import docker

pytestmark = ONE_CALLER

END_TIMEOUT_S = 30.0


def start(environment: Environment, script: str) -> subprocess.Popen[bytes]:
    """Start a shell of the container that says `ready` when its script does."""
    process = environment.caller.start([environment.bin / "sh", "-c", script], stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def await_end_of(pipe: IO[bytes] | None) -> None:
    """Wait until nobody holds the other end, in the container or here."""
    assert pipe is not None
    readable, _, _ = select.select([pipe], [], [], END_TIMEOUT_S)
    assert readable
    assert pipe.read() == b""


# What detached itself


@pytest.mark.parametrize("end", ["stop", "destroy"])
def test_daemon_outlives_its_call_and_ends_with_the_environment(create: Create, end: str) -> None:
    environment = create("--link", "/bin/sh")
    # Forked twice, with a session of its own; it keeps the pipe of the call.
    process = start(environment, "(setsid sh -c 'echo ready; exec sleep 4321' & )")
    with process:
        assert process.wait(timeout=END_TIMEOUT_S) == 0
        assert environment.run("sh", "-c", "echo a later call").output == "a later call\n"
        assert "sleep 4321" in docker("top", environment.container)

        if end == "stop":
            assert environment.cleanenv("stop").output == ""
        else:
            assert environment.caller.cleanenv("destroy", environment.path).output == ""

        await_end_of(process.stdout)


def test_killed_call_leaves_its_daemon_alone(create: Create) -> None:
    environment = create("--link", "/bin/sh", "--grace", "0")
    process = start(environment, "(setsid sh -c 'echo ready; exec sleep 4321' & ); exec sleep 4322")
    with process:
        process.kill()
        process.wait()
        # The grace is over when the program is gone.
        while "sleep 4322" in docker("top", environment.container):
            pass
        assert "sleep 4321" in docker("top", environment.container)


# A stop

# Nothing that the agent asks a program to end with gets through to this one.
STUBBORN = "trap '' TERM HUP INT; echo ready; while :; do sleep 1; done"


def test_program_has_the_grace_to_end_in_at_a_stop(create: Create) -> None:
    environment = create("--link", "/bin/sh", "--grace", "60")
    script = "trap 'echo asked; read line; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    with (
        start(environment, script) as process,
        environment.caller.start([environment.bin / "cleanenv", "stop"]) as stop,
    ):
        assert process.stdout is not None
        assert process.stdout.readline() == b"asked\n"
        with pytest.raises(subprocess.TimeoutExpired):
            stop.wait(timeout=9)  # the default is over
        process.communicate(b"end\n", timeout=END_TIMEOUT_S)
        assert (process.returncode, finish(stop).output) == (3, "")


def test_program_without_a_grace_is_killed_at_once_by_a_stop(create: Create) -> None:
    environment = create("--link", "/bin/sh", "--grace", "0")
    with start(environment, STUBBORN) as process:
        before = time.monotonic()
        assert environment.cleanenv("stop").output == ""
        assert time.monotonic() - before < 8, "the default"
        assert process.wait(timeout=END_TIMEOUT_S) == 125


# The container dies


def kill_container(environment: Environment, _image: str) -> None:
    docker("kill", environment.container)


def remove_container(environment: Environment, _image: str) -> None:
    docker("rm", "--force", environment.container)


def kill_agent(environment: Environment, image: str) -> None:
    """By a container that sees the host's processes: the agent is root's, whoever runs the tests."""
    agent = docker("inspect", "--format", "{{.State.Pid}}", environment.container)
    docker("run", "--rm", "--pid", "host", image, "kill", "-KILL", agent)


def stop(environment: Environment, _image: str) -> None:
    assert environment.cleanenv("stop").output == ""


@pytest.mark.parametrize("how", [kill_container, remove_container, kill_agent, stop])
def test_call_whose_container_dies_is_125_with_a_reason(
    create: Create, busybox: str, how: Callable[[Environment, str], None]
) -> None:
    environment = create("--link", "/bin/sh")
    with start(environment, STUBBORN) as process:
        how(environment, busybox)

        assert process.wait(timeout=END_TIMEOUT_S) == 125
        assert process.stderr is not None
        assert process.stderr.read() == (
            b"cleanenv: sh: the container ended before the program did\nhint: cleanenv status\n"
        )
        await_end_of(process.stdout)
    assert environment.run("sh", "-c", "echo works").output == "works\n"


@pytest.mark.parametrize("how", [kill_container, kill_agent])
def test_call_on_a_terminal_whose_container_dies_is_125_with_a_reason(
    create: Create, busybox: str, how: Callable[[Environment, str], None]
) -> None:
    environment = create("--link", "/bin/sh")

    def kill_while_it_runs() -> None:
        while "sleep 4323" not in docker("top", environment.container):
            pass
        how(environment, busybox)

    with environment.caller.shell("bash") as shell, ThreadPoolExecutor(1) as aside:
        killed = aside.submit(kill_while_it_runs)
        ended = shell.run(f"{environment.bin}/sh -c 'exec sleep 4323'")
        killed.result()
        assert ended == (125, "cleanenv: sh: the container ended before the program did\nhint: cleanenv status\n")
        assert shell.output(f"{environment.bin}/sh -c 'echo works'") == "works\n"
