"""Stops that nobody typed, and what comes while the container is being stopped."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cleanenv import gate
from cleanenv.agent.activity import Activity, ask_activity
from cleanenv.agent.client import AgentAbsentError
from cleanenv.environments import Environment
from cleanenv.errors import EngineUnavailableError
from cleanenv.model.link import Link
from cleanenv.operations.destroy import sessions_in
from cleanenv.operations.lifecycle import Condition
from cleanenv.sessions import Session, save_sessions, start_time
from tests.operations.harness import Bench
from tests.server.fake_agent import FakeAgent

SH = Link("sh", "/bin/sh")
OWN = Session(os.getpid(), start_time(os.getpid()) or 0)
OTHERS = Session(OWN.pid, OWN.start_time - 1)  # of this number, and gone


@pytest.mark.parametrize(
    ("condition", "calls", "idle_ms", "session", "is_stopped"),
    [
        (Condition.NONE, 1, 0, OWN, True),
        (Condition.LEFT, 1, 0, OTHERS, True),
        (Condition.LEFT, 0, 90_000, OWN, False),
        (Condition.IDLE, 0, 60_000, OTHERS, True),
        (Condition.IDLE, 0, 59_999, OTHERS, False),
        (Condition.IDLE, 1, 90_000, OTHERS, False),
        (Condition.IDLE, 0, 90_000, OWN, False),
    ],
)
def test_stop_happens_under_its_condition(
    bench: Bench, condition: Condition, calls: int, idle_ms: int, session: Session, *, is_stopped: bool
) -> None:
    environment = bench.create(SH, idle_timeout=60)
    (agent,) = bench.engine.agents
    agent.calls, agent.idle_ms = calls, idle_ms
    save_sessions(environment.runtime.sessions, [session])

    bench.stop(condition)

    assert bench.engine.only().is_running is not is_stopped
    assert environment.runtime.agent_directory.exists()
    assert not environment.runtime.closing_directory.exists()


@pytest.mark.parametrize("condition", [Condition.LEFT, Condition.IDLE])
def test_persistent_container_is_stopped_by_who_types_it_alone(bench: Bench, condition: Condition) -> None:
    bench.create(SH, persistent=True, idle_timeout=1)
    bench.engine.agents[0].idle_ms = 10**9
    bench.stop(condition)
    assert bench.engine.only().is_running
    bench.stop()
    assert not bench.engine.only().is_running


def test_idle_stop_needs_a_timeout_and_a_container(bench: Bench) -> None:
    bench.create(SH, idle_timeout=0)
    bench.engine.agents[0].idle_ms = 10**9
    bench.stop(Condition.IDLE)
    assert bench.engine.only().is_running
    bench.stop()
    bench.stop(Condition.IDLE)


@pytest.mark.parametrize("terminal", ["terminal-34816-77.sock"])
def test_calls_on_terminals_count(bench: Bench, terminal: str) -> None:
    environment = bench.create(SH)
    bench.engine.agents[0].idle_ms = 5000
    directory = environment.runtime.agent_directory
    with FakeAgent(str(directory / terminal)) as keeper:
        keeper.calls, keeper.idle_ms = 2, 0
        assert ask_activity(directory) == Activity(2, 0)
        keeper.calls, keeper.idle_ms = 0, 1000
        assert ask_activity(directory) == Activity(0, 1)
    assert ask_activity(directory) == Activity(0, 5)  # its socket is still there


def test_a_link_to_a_socket_is_not_asked(bench: Bench, tmp_path: Path) -> None:
    """Programs of the container can write to that directory."""
    environment = bench.create(SH)
    with FakeAgent(str(tmp_path / "s")) as foreign:
        (environment.runtime.agent_directory / "terminal-1-1.sock").symlink_to(tmp_path / "s")
        ask_activity(environment.runtime.agent_directory)
        assert foreign.connections == 0


def during(bench: Bench, monkeypatch: pytest.MonkeyPatch, look: Callable[[Environment], None]) -> Environment:
    """An environment at which `look` is done while its container is stopped."""
    environment = bench.create(SH)
    stop = bench.engine.stop_container

    def stopping(container_id: str, grace_s: int) -> None:
        look(environment)
        stop(container_id, grace_s)

    monkeypatch.setattr(bench.engine, "stop_container", stopping)
    return environment


def test_no_caller_finds_the_agent_while_it_is_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def look(environment: Environment) -> None:
        with pytest.raises(AgentAbsentError):
            ask_activity(environment.runtime.agent_directory)
        seen.append(ask_activity(environment.runtime.closing_directory))

    environment = during(bench, monkeypatch, look)
    bench.stop()
    assert seen == [Activity(0, 0)]

    bench.start()
    ask_activity(environment.runtime.agent_directory)


def test_engine_waits_longer_than_the_agent_gives_programs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.create(SH, grace=33)
    assert bench.engine.only().is_running
    given: list[int] = []
    monkeypatch.setattr(bench.engine, "stop_container", lambda _container_id, grace_s: given.append(grace_s))
    bench.stop()
    assert given == [43]


def test_callers_are_let_in_again_when_it_cannot_be_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_environment: Environment) -> None:
        raise EngineUnavailableError("engine", "it is gone")

    environment = during(bench, monkeypatch, fail)
    with pytest.raises(EngineUnavailableError):
        bench.stop()
    ask_activity(environment.runtime.agent_directory)


@pytest.mark.parametrize("has_waiting_command", [False, True])
def test_next_command_lets_callers_in_that_a_killed_one_kept_out(bench: Bench, *, has_waiting_command: bool) -> None:
    environment = bench.create(SH)
    os.rename(environment.runtime.agent_directory, environment.runtime.closing_directory)
    if has_waiting_command:  # which made what it missed before it had the lock
        environment.runtime.agent_directory.mkdir(mode=0o700)

    bench.start()

    ask_activity(environment.runtime.agent_directory)
    assert not environment.runtime.closing_directory.exists()


def test_shells_in_an_environment_are_those_that_live(bench: Bench) -> None:
    environment = bench.create(SH)
    save_sessions(environment.runtime.sessions, [OWN, OTHERS])
    assert sessions_in(bench.root) == (OWN,)
    environment.paths.state.write_text("{")
    assert sessions_in(bench.root) == ()


def test_way_that_is_not_there_can_be_closed(bench: Bench) -> None:
    runtime = bench.create(SH).runtime
    bench.stop()
    runtime.agent_socket.unlink()
    runtime.agent_directory.rmdir()
    with gate.closed(runtime):
        pass
