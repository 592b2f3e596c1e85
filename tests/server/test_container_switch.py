"""Starting and stopping a container: by the engine's socket where that will do, else by a command."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from cleanenv.agent.activity import ask_activity
from cleanenv.agent.client import AgentAbsentError
from cleanenv.engine import plain_requests
from cleanenv.errors import EngineError
from cleanenv.model.environment import RuntimePaths
from cleanenv.model.link import Link
from cleanenv.server.container_switch import ContainerSwitch
from cleanenv.server.settings import ServerSettings
from tests.operations.conftest import bench  # noqa: F401 (a fixture)
from tests.operations.harness import Bench

COMMANDS = '#!/bin/sh\necho "$*" >>"$0.said"\necho "cleanenv: done by the command"\n'


class Engine:
    """The engine's socket, as far as these requests go: they reach the bench's own engine."""

    def __init__(self, bench: Bench) -> None:  # noqa: F811
        self.asked: list[tuple[str, ...]] = []
        self.refuses = False
        self.seen: list[bool] = []
        self._bench = bench

    def start(self, address: str, container_id: str) -> bool:
        self.asked.append(("start", address))
        if not self.refuses:
            self._bench.engine.start_container(container_id)
        return not self.refuses

    def stop(self, address: str, container_id: str, grace_s: int) -> bool:
        self.asked.append(("stop", address, str(grace_s)))
        directory = RuntimePaths(next((self._bench.directory / "run/cleanenv").iterdir())).agent_directory
        with pytest.raises(AgentAbsentError):
            ask_activity(directory)  # nobody finds the way meanwhile
        if not self.refuses:
            self._bench.engine.stop_container(container_id, grace_s)
        return not self.refuses


@pytest.fixture
def engine(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Engine:  # noqa: F811
    engine = Engine(bench)
    monkeypatch.setattr(plain_requests, "start", engine.start)
    monkeypatch.setattr(plain_requests, "stop", engine.stop)
    return engine


def switch(bench: Bench, script: str = COMMANDS, **settings: object) -> ContainerSwitch:  # noqa: F811
    """Of a new environment whose commands are a script."""
    python = bench.directory / "python"
    python.write_text(script)
    python.chmod(0o755)
    environment = bench.create(Link("sh", "/bin/sh"))
    return ContainerSwitch(
        ServerSettings(
            environment=str(environment.paths.root),
            runtime_directory=environment.state.runtime_directory,
            uid=os.getuid(),
            gid=os.getgid(),
            home="/root",
            links=(),
            files=(),
            launcher="/none",
            python=str(python),
            **settings,  # type: ignore[arg-type]
        )
    )


def commands(bench: Bench) -> list[str]:  # noqa: F811
    said = bench.directory / "python.said"
    return said.read_text().splitlines() if said.exists() else []


def is_running(bench: Bench) -> bool:  # noqa: F811
    return bench.engine.only().is_running


def test_it_is_stopped_and_started_by_one_request_each(bench: Bench, engine: Engine) -> None:  # noqa: F811
    own = switch(bench)
    assert own.stop_when_left(lambda: True) == ()
    assert not is_running(bench)
    assert own.start() == ()
    assert bench.list()[0].state == "running"
    assert engine.asked == [("stop", "unix:///fake.sock", "10"), ("start", "unix:///fake.sock")]
    assert commands(bench) == []


def test_engine_waits_longer_than_the_agent_gives_programs(bench: Bench, engine: Engine) -> None:  # noqa: F811
    switch(bench, grace=33).stop_when_left(lambda: True)
    assert engine.asked == [("stop", "unix:///fake.sock", "43")]


def test_who_comes_before_the_way_is_closed_keeps_it(bench: Bench, engine: Engine) -> None:  # noqa: F811
    assert switch(bench).stop_when_left(lambda: False) == ()
    assert (engine.asked, bench.list()[0].state) == ([], "running")


def test_callers_that_a_killed_stop_kept_out_are_let_in(bench: Bench, engine: Engine) -> None:  # noqa: F811
    own = switch(bench)
    runtime = bench.start().runtime
    bench.stop()
    os.rename(runtime.agent_directory, runtime.closing_directory)
    own.start()
    assert len(engine.asked) == 1
    assert bench.list()[0].state == "running"


@pytest.mark.parametrize("why", ["programs to run", "locked", "no engine known", "no lock", "damaged state", "refused"])
def test_what_takes_more_is_done_by_a_command(bench: Bench, engine: Engine, why: str) -> None:  # noqa: F811
    lines = ("x",) if why == "programs to run" else ()
    own = switch(bench, on_activate=lines, on_deactivate=lines)
    runtime = RuntimePaths(next((bench.directory / "run/cleanenv").iterdir()))
    runtime.lock.touch()
    engine.refuses = why == "refused"
    if why == "no engine known":
        runtime.engine.unlink()
    elif why == "damaged state":
        (bench.root / ".cleanenv/state.json").write_text("{")
    with open(runtime.lock) as lock:
        if why == "no lock":
            runtime.lock.unlink()
        if why == "locked":
            fcntl.flock(lock, fcntl.LOCK_EX)
        assert own.start() == ("done by the command",)
        assert own.stop_when_left(lambda: True) == ("done by the command",)
    assert len(engine.asked) == 2 * engine.refuses
    assert commands(bench) == [
        f"-m cleanenv start --container-only -e {bench.root}",
        f"-m cleanenv stop --when-left -e {bench.root}",
    ]
    assert runtime.agent_directory.exists()


def test_last_steps_of_a_command_are_waited_for(bench: Bench, engine: Engine) -> None:  # noqa: F811
    own = switch(bench)
    bench.stop()
    runtime = RuntimePaths(next((bench.directory / "run/cleanenv").iterdir()))
    with open(runtime.lock) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        release = threading.Timer(0.1, fcntl.flock, [lock, fcntl.LOCK_UN])
        release.start()
        assert own.start() == ()
        release.join()
    assert (len(engine.asked), is_running(bench), commands(bench)) == (1, True, [])


def test_an_idle_one_is_stopped_by_a_command(bench: Bench, engine: Engine) -> None:  # noqa: F811
    assert switch(bench).stop_when_idle() == ("done by the command",)
    assert (commands(bench), engine.asked) == ([f"-m cleanenv stop --when-idle -e {bench.root}"], [])


def test_a_failure_is_told_to_all_who_asked(bench: Bench, engine: Engine, tmp_path: Path) -> None:  # noqa: F811
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    # The command waits for a writer of the gate, so that all have asked before it ends.
    own = switch(bench, f'{COMMANDS}cat {gate}; echo "cleanenv: engine: it is gone" >&2; exit 1\n', on_activate=("x",))
    errors: list[str] = []

    def ask() -> None:
        with pytest.raises(EngineError) as caught:
            own.start()
        errors.append(caught.value.why)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.write_text("")
    for thread in threads:
        thread.join()

    assert errors == ["it is gone"] * 8
    assert set(commands(bench)) == {f"-m cleanenv start --container-only -e {bench.root}"}
    assert engine.asked == []
