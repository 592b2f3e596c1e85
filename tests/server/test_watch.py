"""How the server hears of changes in the container."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleanenv.agent.client import AgentAbsentError, AgentClient
from cleanenv.errors import AgentError
from cleanenv.server.watch import ContainerWatch
from tests.server.fake_agent import FakeAgent, header, sealed

WATCH = 6


class Changes:
    """What the watch calls, and a way to wait for it."""

    def __init__(self) -> None:
        self.calls: queue.SimpleQueue[None] = queue.SimpleQueue()

    def __call__(self) -> None:
        self.calls.put(None)

    def come(self) -> bool:
        """Whether another call comes, soon."""
        try:
            self.calls.get(timeout=10)
        except queue.Empty:
            return False
        return True

    def clear(self) -> None:
        while not self.calls.empty():
            self.calls.get()


def until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.002)
    return is_so()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.sock")


@pytest.fixture
def agent(path: str) -> Iterator[FakeAgent]:
    with FakeAgent(path) as agent:
        yield agent


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def patterns() -> list[str]:
    return ["/opt/*"]


@pytest.fixture
def watch(path: str, changes: Changes, patterns: list[str]) -> ContainerWatch:
    # Its thread lives as long as the process, as in the server; it waits for a renewal that no later test asks for.
    watch = ContainerWatch(AgentClient(path, 5.0), lambda: tuple(patterns), changes)
    watch.start()
    return watch


def asked(agent: FakeAgent) -> list[list[str]]:
    return [texts for kind, texts in agent.questions if kind == WATCH]


def stand(watch: ContainerWatch, changes: Changes) -> None:
    """Return when the watch stands."""
    assert changes.come()
    assert watch.is_active


def test_a_watch_that_is_made_tells_a_change_for_what_was_before_it(
    agent: FakeAgent, watch: ContainerWatch, changes: Changes
) -> None:
    stand(watch, changes)

    assert asked(agent) == [["/opt/*"]]


def test_each_change_in_the_container_is_told(agent: FakeAgent, watch: ContainerWatch, changes: Changes) -> None:
    stand(watch, changes)

    for _ in range(3):
        agent.notify()
        assert changes.come()
        changes.clear()
    assert len(asked(agent)) == 1


def test_the_state_is_another_one_after_a_change(agent: FakeAgent, watch: ContainerWatch, changes: Changes) -> None:
    stand(watch, changes)
    before = watch.state()
    assert before is not None
    assert watch.state() == before

    agent.notify()

    assert watch.state() != before  # from the moment of the change, heard of or not
    assert until(lambda: watch.state() is not None)
    assert watch.state() != before


def test_nothing_is_known_of_the_state_without_a_watch(
    agent: FakeAgent, watch: ContainerWatch, changes: Changes
) -> None:
    stand(watch, changes)

    agent.stop()

    assert until(lambda: not watch.is_active)
    assert watch.state() is None


def test_where_no_watch_can_be_made_a_change_is_told_now_and_then(
    agent: FakeAgent, path: str, changes: Changes
) -> None:
    agent.reply = lambda _kind, _texts: (header(), [sealed(b"")])
    watch = ContainerWatch(AgentClient(path, 5.0), lambda: ("/opt/*",), changes)
    watch.start()

    assert changes.come()
    assert not watch.is_active


def test_without_an_agent_a_renewal_is_waited_for(path: str, watch: ContainerWatch, changes: Changes) -> None:
    assert until(lambda: not watch.is_active)

    with FakeAgent(path) as agent:
        watch.renew()
        stand(watch, changes)
        agent.notify()
        assert changes.come()


def test_the_end_of_the_agent_is_a_change(agent: FakeAgent, watch: ContainerWatch, changes: Changes) -> None:
    stand(watch, changes)

    agent.stop()

    assert changes.come()
    assert until(lambda: not watch.is_active)


def test_a_renewal_watches_the_patterns_of_now(
    agent: FakeAgent, watch: ContainerWatch, changes: Changes, patterns: list[str]
) -> None:
    stand(watch, changes)
    patterns[:] = ["/usr/bin/*"]

    watch.renew()

    assert until(lambda: asked(agent) == [["/opt/*"], ["/usr/bin/*"]])


def test_an_agent_that_hangs_up_each_time_is_asked_at_a_measured_pace(
    agent: FakeAgent, watch: ContainerWatch, changes: Changes
) -> None:
    answer = agent.answer

    def hang_up(kind: int, texts: list[str]) -> tuple[bytes, list[int]]:
        reply = answer(kind, texts)
        assert reply is not None
        agent.questions.append((0, []))  # the next question finds its connection closed
        return b"", []

    stand(watch, changes)
    agent.reply = hang_up
    begin = time.monotonic()
    for _ in range(5):
        watch.renew()
        changes.clear()
        assert until(lambda: not watch.is_active)

    assert len(asked(agent)) <= 2 + 2 * (time.monotonic() - begin) / 0.05


@pytest.mark.parametrize(
    "make", [lambda: sealed(b""), lambda: os.open("/dev/null", os.O_RDONLY), lambda: os.eventfd(0)]
)
def test_only_an_inotify_descriptor_is_waited_on(agent: FakeAgent, path: str, make: Callable[[], int]) -> None:
    agent.reply = lambda _kind, _texts: (header(), [make()])
    client = AgentClient(path, 5.0)

    with pytest.raises(AgentError, match="not an inotify"):
        client.watch(["/opt/*"])
    client.close()


def test_a_watch_is_a_descriptor_of_its_own(agent: FakeAgent, path: str) -> None:
    client = AgentClient(path, 5.0)

    watcher = client.watch(["/opt/*"])
    client.close()

    assert not os.get_blocking(watcher)
    assert not os.get_inheritable(watcher)
    with pytest.raises(BlockingIOError):
        os.read(watcher, 100)
    agent.notify()
    assert os.read(watcher, 100)
    os.close(watcher)


def test_a_connection_that_is_not_there_has_no_descriptor(path: str) -> None:
    client = AgentClient(path, 5.0)

    with pytest.raises(AgentError, match="no connection"):
        client.fileno()
    with pytest.raises(AgentAbsentError):
        client.watch(["/opt/*"])
