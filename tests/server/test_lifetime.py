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
from cleanenv.server.lifetime import Commands, Lifetime, Policy
from cleanenv.server.sessions import SessionBook
from tests.server.test_sessions import ME, FakeProcesses

IDLE_S = 60


class FakeCommand:
    """Stands for cleanenv.server.command.SharedCommand."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self.runs = 0
        self.warnings: tuple[str, ...] = ()
        self.error: EngineError | None = None

    def run(self) -> tuple[str, ...]:
        self.runs += 1
        if self.error is not None:
            raise self.error
        self._act()
        return self.warnings


class Bench:
    """One environment. `activity` is what its agent says, None while the container is down."""

    def __init__(self, directory: Path) -> None:
        self.now = 1000.0
        self.activity: Activity | None = None
        self.silence: AgentError | None = None
        self.processes = FakeProcesses()
        self.processes.start(10, 500)
        self.processes.start(11, 501)
        self.lock = directory / "lock"
        self.lock.touch()
        self.start, self.left, self.idle = FakeCommand(self._up), FakeCommand(self._down), FakeCommand(self._down)
        self.policy = Policy(persistent=False, idle_timeout_s=IDLE_S, has_farewell=False)
        self.book = SessionBook(directory / "sessions", ME, self.processes)

    def lifetime(self) -> Lifetime:
        commands = Commands(self.start, self.left, self.idle)  # type: ignore[arg-type]
        return Lifetime(self.book, commands, self.policy, self._ask, str(self.lock), lambda: self.now)

    @property
    def runs(self) -> tuple[int, int, int]:
        """How often the container was started, stopped when left, stopped when idle."""
        return self.start.runs, self.left.runs, self.idle.runs

    def _up(self) -> None:
        self.activity = Activity(0, 0.0)

    def _down(self) -> None:
        self.activity = None

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
    assert bench.runs == (1, 0, 0)

    assert lifetime.leave(11) == ()
    assert bench.runs == (1, 0, 0)  # nobody waits for it
    lifetime.tend()
    lifetime.tend()
    assert bench.runs == (1, 1, 0)


def test_a_shell_that_is_killed_leaves(bench: Bench) -> None:
    lifetime = bench.lifetime()
    lifetime.enter(10)
    bench.processes.end(10)
    lifetime.tend()
    assert bench.runs == (1, 1, 0)


def test_what_starting_warns_of_is_told_to_the_shell(bench: Bench) -> None:
    bench.start.warnings = ("on-activate 'false': it ended with status 1",)
    assert bench.lifetime().enter(10) == bench.start.warnings
    assert bench.lifetime().enter(11) == ()


def test_a_shell_whose_container_does_not_start_is_not_in_it(bench: Bench) -> None:
    bench.start.error = EngineError("engine", "it does not run")
    with pytest.raises(EngineError):
        bench.lifetime().enter(10)
    assert bench.book.sessions == ()


def test_who_may_not_enter_starts_nothing(bench: Bench) -> None:
    with pytest.raises(UsageError):
        bench.lifetime().enter(12)
    assert bench.runs == (0, 0, 0)


def test_a_shell_waits_for_a_start_that_is_not_finished(bench: Bench, held: None) -> None:
    """The agent listens before on_activate was run; the command that is run for the shell waits for the lock."""
    del held
    bench.activity = Activity(1, 0.0)
    bench.lifetime().enter(10)
    assert bench.runs == (1, 0, 0)


def test_the_last_shell_waits_for_on_deactivate_and_hears_of_it(bench: Bench) -> None:
    bench.policy = Policy(persistent=False, idle_timeout_s=IDLE_S, has_farewell=True)
    bench.left.warnings = ("on-deactivate 'false': it ended with status 1",)
    lifetime = bench.lifetime()
    lifetime.enter(10)
    lifetime.enter(11)

    assert lifetime.leave(10) == ()
    assert lifetime.leave(11) == bench.left.warnings
    lifetime.tend()
    assert bench.runs == (1, 1, 0)


def test_a_persistent_container_goes_on(bench: Bench) -> None:
    bench.policy = Policy(persistent=True, idle_timeout_s=0, has_farewell=True)
    lifetime = bench.lifetime()
    lifetime.enter(10)
    lifetime.leave(10)
    lifetime.enter(11)
    bench.processes.end(11)
    bench.activity = Activity(0, 10**6)
    assert lifetime.tend() == float("inf")
    assert bench.runs == (1, 0, 0)


def test_the_next_look_is_when_the_container_may_have_been_idle_for_long_enough(bench: Bench) -> None:
    lifetime = bench.lifetime()
    bench.activity = Activity(1, 0.0)
    assert lifetime.tend() == IDLE_S
    bench.now += IDLE_S
    bench.activity = Activity(0, 45.0)
    assert lifetime.tend() == 15
    bench.now += 14
    assert (lifetime.tend(), bench.runs) == (1, (0, 0, 0))
    bench.now += 1
    bench.activity = Activity(0, 60.0)
    assert lifetime.tend() == IDLE_S
    assert bench.runs == (0, 0, 1)


def test_a_shell_keeps_an_idle_container(bench: Bench) -> None:
    lifetime = bench.lifetime()
    lifetime.enter(10)
    bench.activity = Activity(0, 1000.0)
    for _look in range(3):
        bench.now += IDLE_S
        assert lifetime.tend() == IDLE_S
    assert bench.runs == (1, 0, 0)


@pytest.mark.parametrize("silence", [AgentError("agent", "no answer"), AgentAbsentError("agent", "it does not run")])
def test_an_agent_that_does_not_answer_is_not_idle(bench: Bench, silence: AgentError) -> None:
    bench.silence = silence
    assert bench.lifetime().tend() == IDLE_S
    assert bench.runs == (0, 0, 0)


def test_a_stop_that_fails_is_tried_again(bench: Bench) -> None:
    bench.activity = Activity(0, 100.0)
    bench.idle.error = EngineError("engine", "it does not run")
    lifetime = bench.lifetime()
    assert lifetime.tend() == IDLE_S
    bench.now += IDLE_S
    lifetime.tend()
    assert bench.runs == (0, 0, 2)


def test_a_new_policy_counts_at_once(bench: Bench) -> None:
    bench.policy = Policy(persistent=False, idle_timeout_s=0, has_farewell=False)
    bench.activity = Activity(0, 100.0)
    lifetime = bench.lifetime()
    assert lifetime.tend() == float("inf")

    policy = Policy(persistent=False, idle_timeout_s=IDLE_S, has_farewell=False)
    lifetime.replace(Commands(bench.start, bench.left, bench.idle), policy)  # type: ignore[arg-type]
    lifetime.tend()
    assert bench.runs == (0, 0, 1)


def test_without_descriptors_of_the_kernel_the_shells_are_looked_for(bench: Bench) -> None:
    bench.processes.has_descriptors = False
    lifetime = bench.lifetime()
    lifetime.enter(10)
    assert lifetime.tend() == 2


def test_the_thread_hears_of_the_end_of_a_shell(bench: Bench) -> None:
    lifetime = bench.lifetime()
    stopped = threading.Event()
    bench.left.run = stopped.set  # type: ignore[method-assign, assignment]
    lifetime.start()
    lifetime.enter(10)
    bench.processes.end(10)
    assert stopped.wait(10)


def test_a_call_that_finds_it_running_after_all_starts_nothing(bench: Bench) -> None:
    bench.activity = Activity(0, 0.0)
    assert bench.lifetime().start_container() == ()
    assert bench.runs == (0, 0, 0)
    os.unlink(bench.lock)  # the runtime directory was wiped
    bench.lifetime().start_container()
    assert bench.runs == (1, 0, 0)
