"""The server's part of host links, with the real agent and the real launcher: when the host may be called."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from cleanenv.launch_table import dump_host_table
from cleanenv.model.environment import RuntimePaths
from cleanenv.model.host_link import HostLink
from cleanenv.model.mount import Mount
from cleanenv.server import host_agent
from cleanenv.server.host_agent import HostAgent
from cleanenv.server.launcher import patch_launcher
from tests.native.conftest import NATIVE

REFUSED = (
    b"cleanenv: program of the host: no shell is in the environment, and no program of it is being called\n"
    b"hint: on the host: activate the environment\n"
)


@dataclass(slots=True)
class World:
    directory: Path
    used: bool = True
    agent: HostAgent | None = None

    @property
    def host_agent(self) -> HostAgent:
        assert self.agent is not None
        return self.agent

    def command(self, script: str) -> list[str]:
        return [str(self.directory / "host/bin/sh"), "-c", script]

    def run(self, script: str) -> tuple[int, bytes, bytes]:
        result = subprocess.run(self.command(script), capture_output=True, check=False, cwd="/", timeout=30)
        return result.returncode, result.stdout, result.stderr

    def agents(self) -> list[psutil.Process]:
        """The agents that this process has started."""
        return [each for each in psutil.Process().children() if is_agent(each)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(host_agent, "_LOOK_S", 0.02)
    directory = Path(tempfile.mkdtemp(prefix="cleanenv-"))
    host = directory / "host"
    host.mkdir(mode=0o700)
    (host / "bin").mkdir()
    links = (HostLink("sh", "/bin/sh"),)
    (host / "launch-table").write_bytes(dump_host_table(str(host), (Mount("/", "/", writable=True),), links))
    launcher = NATIVE / "launcher"
    (host / "bin/sh").write_bytes(patch_launcher(launcher.read_bytes(), str(host), str(launcher)))
    (host / "bin/sh").chmod(0o755)
    world = World(directory)
    world.agent = HostAgent(RuntimePaths(directory), str(NATIVE / "agent"), os.geteuid(), lambda: world.used)
    world.agent.replace({"PATH": "/usr/bin:/bin", "FROM": "the host"})
    yield world
    world.agent.close()
    for running in world.agent._ended:  # noqa: SLF001
        running.wait(20)
    shutil.rmtree(directory)


def is_agent(process: psutil.Process) -> bool:
    try:
        return process.name() == "agent"
    except psutil.NoSuchProcess:  # it was reaped after it was listed
        return False


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    while not holds():
        os.sched_yield()


def test_agent_is_started_by_the_first_call_and_serves_the_next_ones(world: World) -> None:
    assert world.agents() == []
    assert world.run("echo $FROM; exit 3") == (3, b"the host\n", b"")
    (agent,) = world.agents()
    assert world.run("exit 4") == (4, b"", b"")
    assert world.agents() == [agent]
    assert agent.cwd() == str(world.directory / "host/agent")


def test_nobody_is_served_while_the_environment_is_not_used(world: World) -> None:
    world.used = False
    assert world.run("exit 3") == (125, b"", REFUSED)
    assert world.agents() == []


def test_programs_are_ended_when_the_environment_is_not_used_any_more(world: World) -> None:
    """A daemon that a call has left inside has no way out after it."""
    script = "trap 'echo hup; exit' HUP; echo up; while :; do sleep 0.01; done"
    with subprocess.Popen(world.command(script), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/") as call:
        assert call.stdout is not None
        assert call.stdout.readline() == b"up\n"
        world.used = False
        assert call.stdout.read() == b"hup\n"
        assert call.wait(20) == 125
    wait_until(lambda: not world.agents())
    assert world.run("exit 3") == (125, b"", REFUSED)
    world.used = True
    assert world.run("exit 3") == (3, b"", b"")


def test_agent_rests_when_nobody_calls_and_comes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_agent, "_REST_S", 0.05)
    with subprocess.Popen(world.command("echo up; read x"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as call:
        assert call.stdout is not None
        assert call.stdin is not None
        assert call.stdout.readline() == b"up\n"
        (agent,) = world.agents()
        assert psutil.wait_procs([agent], timeout=0.3) == ([], [agent]), "it has a call"
        call.stdin.close()
        assert call.wait(20) == 1
    wait_until(lambda: not world.agents())
    for _ in range(5):
        assert world.run("exit 3") == (3, b"", b"")


def test_agent_that_was_killed_is_replaced(world: World) -> None:
    assert world.run("exit 3")[0] == 3
    (agent,) = world.agents()
    # A worker goes with it, and may have taken a call just before.
    processes = [agent, *agent.children()]
    agent.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(is_alive(each) for each in processes))
    assert world.run("exit 4") == (4, b"", b"")


def test_without_links_nobody_listens(world: World) -> None:
    assert world.run("exit 3")[0] == 3
    world.host_agent.replace(None)
    assert not (world.directory / "host/control.sock").exists()
    wait_until(lambda: not world.agents())
    assert world.run("exit 3")[0] == 125
    world.host_agent.replace({})
    assert world.run("exit 3")[0] == 3


def test_agent_that_cannot_be_started_is_told(world: World) -> None:
    world.host_agent.close()
    broken = HostAgent(RuntimePaths(world.directory), "/no/such/agent", os.geteuid(), lambda: True)
    broken.replace({})
    try:
        status, _, errors = world.run("exit 3")
    finally:
        broken.close()
    assert (status, errors) == (125, b"cleanenv: agent /no/such/agent: No such file or directory\n")
