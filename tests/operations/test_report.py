"""What there is, told without changing anything."""

from __future__ import annotations

import os
import shutil

import psutil
import pytest

from cleanenv.agent import activity
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.operations.overview import Summary
from cleanenv.sessions import Session, save_sessions, start_time
from tests.operations.harness import IMAGE, Bench

SH = Link("sh", "/bin/sh")


def test_environments_are_listed_with_their_state(bench: Bench) -> None:
    assert bench.list() == ()
    for name in ("b", "a", "broken", "gone"):
        bench.create(SH, root=bench.directory / name)
    bench.engine.stop_container(bench.engine.containers("cleanenv.path=" + str(bench.directory / "a"))[0].id, 1)
    (bench.directory / "broken/.cleanenv/state.json").write_text("{")
    shutil.rmtree(bench.directory / "gone")

    assert bench.list() == (
        Summary(str(bench.directory / "a"), "stopped", IMAGE),
        Summary(str(bench.directory / "b"), "running", IMAGE),
        Summary(str(bench.directory / "broken"), "damaged", ""),
    )


def test_list_asks_no_engine(bench: Bench) -> None:
    bench.create(SH)
    bench.engine.is_gone = True
    assert [summary.state for summary in bench.list()] == ["running"]


def test_agent_that_says_nonsense_is_silent(bench: Bench) -> None:
    bench.create(SH)
    (agent,) = bench.engine.agents
    agent.tell_activity = lambda: b"nonsense"
    assert [summary.state for summary in bench.list()] == ["silent"]


@pytest.mark.parametrize("at_once", [2, 200])
def test_agents_that_say_nothing_keep_nobody_waiting_for_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(activity, "_AT_ONCE", at_once)
    monkeypatch.setattr(activity, "_TIMEOUT_S", 0.3)
    for name in "abcde":
        bench.create(SH, root=bench.directory / name)
    for agent in bench.engine.agents[:3]:
        agent.tell_activity = bytes
    assert [summary.state for summary in bench.list()] == ["silent"] * 3 + ["running"] * 2


def test_status_tells_everything_of_one_environment(bench: Bench) -> None:
    environment = bench.create(SH, Link(None, "/opt/*"), mounts=(Mount("/srv", "/data", writable=True),))
    status = bench.status()

    assert (status.path, status.id, status.image, status.user) == (
        str(bench.root),
        environment.state.id,
        IMAGE,
        "ann",
    )
    assert (status.container, status.container_id) == ("running", environment.state.container_id)
    assert status.mounts == ("/:/r:ro", "/tmp:/tmp:rw", "/srv:/data:rw")
    assert (status.links, status.live_directory) == (("sh:/bin/sh", "/opt/*"), "absent")
    assert (status.sessions, status.persistent, status.idle_timeout) == ((), False, 300)


def test_use_is_told(bench: Bench) -> None:
    environment = bench.create(SH, idle_timeout=7)
    (agent,) = bench.engine.agents
    agent.calls, agent.idle_ms = 2, 0
    own = Session(os.getpid(), start_time(os.getpid()) or 0)
    save_sessions(environment.runtime.sessions, [own, Session(own.pid, own.start_time + 1)])

    status = bench.status()
    assert (status.calls, status.idle_s, status.idle_timeout) == (2, 0, 7)
    assert status.sessions == ((own.pid, psutil.Process().name()),)
    assert bench.list()[0].sessions == 1
    bench.stop()
    assert (bench.status().calls, bench.status().idle_s) == (None, None)


def test_status_tells_of_a_container_that_somebody_removed(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.engine.remove_container(environment.state.container_id)
    assert (bench.status().container, bench.status().programs) == ("removed", ())
