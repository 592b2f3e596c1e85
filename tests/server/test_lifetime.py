"""When the container is started and stopped, by a clock and commands that are only noted down."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleanenv.agent.activity import Activity
from cleanenv.agent.client import AgentAbsentError
from cleanenv.errors import AgentError, EngineError, UsageError
from cleanenv.server.lifetime import Lifetime
from cleanenv.server.sessions import SessionBook
from tests.server.test_sessions import ME, FakeProcesses

IDLE_S = 60


class Bench:
    """One environment. `activity` is what its agent says, None while the container is down. It is its own Switch."""

    def __init__(self, directory: Path) -> None:
        self.now = 1000.0
        self.activity: Activity | None = None
        self.silence: AgentError | None = None
        self.processes = FakeProcesses()
        self.processes.start(10, 500)
        self.processes.start(11, 501)
        self.lock = directory / "lock"
        self.lock.touch()
        self.persistent = False
        self.idle_timeout_s = IDLE_S
        self.book = SessionBook(directory / "sessions", ME, self.processes)
        self.events: list[str] = []
        self.warnings: tuple[str, ...] = ()
        self.error: EngineError | None = None
        self.stopped = threading.Event()

    def lifetime(self) -> Lifetime:
        return Lifetime(
            self.book,
            self,
            self._ask,
            str(self.lock),
            persistent=self.persistent,
            idle_timeout_s=self.idle_timeout_s,
            clock=lambda: self.now,
        )

    def start(self) -> tuple[str, ...]:
        return self._do("start", Activity(0, 0.0))

    def stop_when_left(self, is_left: Callable[[], bool], /) -> tuple[str, ...]:
        assert is_left()
        return self._do("left", None)

    def stop_when_idle(self) -> tuple[str, ...]:
        return self._do("idle", None)

    def _do(self, event: str, activity: Activity | None) -> tuple[str, ...]:
        self.events.append(event)
        if self.error is not None:
            raise self.error
        self.activity = activity
        if activity is None:
            self.stopped.set()
        return self.warnings

    def _ask(self) -> Activity:
        if self.silence is not None:
            raise self.silence
        if self.activity is None:
            raise AgentAbsentError("question", "it does not run")
        return self.activity


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def held(bench: Bench) -> Iterator[None]:
    """Some command is at work on the environment."""
    with open(bench.lock, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_the_first_shell_starts_the_container_and_the_last_one_stops_it(bench: Bench) -> None:
    lifetime = bench.lifetime()
    lifetime.enter(10)
    lifetime.enter(11)
    lifetime.leave(10)
    lifetime.tend()
    assert bench.events == ["start"]

    lifetime.leave(11)
    assert bench.events == ["start", "left"]
    lifetime.tend()
    assert bench.events == ["start", "left"]


def test_a_shell_that_is_killed_leaves(bench: Bench) -> None:
    lifetime = bench.lifetime()
    lifetime.enter(10)
    bench.processes.end(10)
    lifetime.tend()
    assert bench.events == ["start", "left"]


def test_what_starting_warns_of_is_told_to_the_shell(bench: Bench) -> None:
    bench.warnings = ("on-activate 'false': it ended with status 1",)
    assert bench.lifetime().enter(10) == bench.warnings
    assert bench.lifetime().enter(11) == ()


def test_a_shell_whose_container_does_not_start_is_not_in_it(bench: Bench) -> None:
    bench.error = EngineError("engine", "it does not run")
    with pytest.raises(EngineError):
        bench.lifetime().enter(10)
    assert bench.book.sessions == ()


def test_who_may_not_enter_starts_nothing(bench: Bench) -> None:
    with pytest.raises(UsageError):
        bench.lifetime().enter(12)
    assert bench.events == []


def test_a_shell_waits_for_a_start_that_is_not_finished(bench: Bench, held: None) -> None:
    """The agent listens before on_activate was run; the command that is run for the shell waits for the lock."""
    del held
    bench.activity = Activity(1, 0.0)
    bench.lifetime().enter(10)
    assert bench.events == ["start"]


def test_what_stopping_warns_of_is_told_to_the_last_shell(bench: Bench) -> None:
    lifetime = bench.lifetime()
    lifetime.enter(10)
    lifetime.enter(11)
    bench.warnings = ("on-deactivate 'false': it ended with status 1",)
    assert lifetime.leave(10) == ()
    assert lifetime.leave(11) == bench.warnings


def test_a_persistent_container_goes_on(bench: Bench) -> None:
    bench.persistent = True
    lifetime = bench.lifetime()
    lifetime.enter(10)
    lifetime.leave(10)
    lifetime.enter(11)
    bench.processes.end(11)
    bench.activity = Activity(0, 10**6)
    assert lifetime.tend() == float("inf")
    assert bench.events == ["start"]


def test_the_next_look_is_when_the_container_may_have_been_idle_for_long_enough(bench: Bench) -> None:
    lifetime = bench.lifetime()
    bench.activity = Activity(1, 0.0)
    assert lifetime.tend() == IDLE_S
    bench.now += IDLE_S
    bench.activity = Activity(0, 45.0)
    assert lifetime.tend() == 15
    bench.now += 14
    assert (lifetime.tend(), bench.events) == (1, [])
    bench.now += 1
    bench.activity = Activity(0, 60.0)
    assert lifetime.tend() == IDLE_S
    assert bench.events == ["idle"]


def test_a_shell_keeps_an_idle_container(bench: Bench) -> None:
    lifetime = bench.lifetime()
    lifetime.enter(10)
    bench.activity = Activity(0, 1000.0)
    for _look in range(3):
        bench.now += IDLE_S
        assert lifetime.tend() == IDLE_S
    assert bench.events == ["start"]


@pytest.mark.parametrize("silence", [AgentError("agent", "no answer"), AgentAbsentError("agent", "it does not run")])
def test_an_agent_that_does_not_answer_is_not_idle(bench: Bench, silence: AgentError) -> None:
    bench.silence = silence
    assert bench.lifetime().tend() == IDLE_S
    assert bench.events == []


def test_a_stop_that_fails_is_tried_again(bench: Bench) -> None:
    bench.activity = Activity(0, 100.0)
    bench.error = EngineError("engine", "it does not run")
    lifetime = bench.lifetime()
    assert lifetime.tend() == IDLE_S
    bench.now += IDLE_S
    lifetime.tend()
    assert bench.events == ["idle", "idle"]


def test_a_new_policy_counts_at_once(bench: Bench) -> None:
    bench.idle_timeout_s = 0
    bench.activity = Activity(0, 100.0)
    lifetime = bench.lifetime()
    assert lifetime.tend() == float("inf")

    lifetime.replace(bench, persistent=False, idle_timeout_s=IDLE_S)
    lifetime.tend()
    assert bench.events == ["idle"]


def test_without_descriptors_of_the_kernel_the_shells_are_looked_for(bench: Bench) -> None:
    bench.processes.has_descriptors = False
    lifetime = bench.lifetime()
    lifetime.enter(10)
    assert lifetime.tend() == 2


def test_the_thread_hears_of_the_end_of_a_shell(bench: Bench) -> None:
    lifetime = bench.lifetime()
    lifetime.start()
    lifetime.enter(10)
    bench.processes.end(10)
    assert bench.stopped.wait(10)


def test_a_call_that_finds_it_running_after_all_starts_nothing(bench: Bench) -> None:
    bench.activity = Activity(0, 0.0)
    assert bench.lifetime().start_container() == ()
    assert bench.events == []
    os.unlink(bench.lock)  # the runtime directory was wiped
    bench.lifetime().start_container()
    assert bench.events == ["start"]
