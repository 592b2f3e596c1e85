"""A change of what the links match is heard at once, from the real agent."""

from __future__ import annotations

import os
import queue
import select
from pathlib import Path

import pytest

from cleanenv.agent.client import AgentClient
from cleanenv.server.watch import ContainerWatch
from tests.native.conftest import HostEnvironment

TIMEOUT_S = 10


def has_events(watcher: int) -> bool:
    return bool(select.select([watcher], [], [], 0)[0])


@pytest.mark.parametrize("change", ["create", "remove", "rename", "mode"])
def test_change_is_readable_when_it_has_happened(environment: HostEnvironment, tmp_path: Path, change: str) -> None:
    """Without a wait: the kernel queues the event before the change's system call returns."""
    program = tmp_path / "program"
    if change != "create":
        program.write_text("")
    agent = AgentClient(environment.socket_path, TIMEOUT_S)
    watcher = agent.watch([f"{tmp_path}/pro*"])
    try:
        assert not has_events(watcher)
        match change:
            case "create":
                program.write_text("")
            case "remove":
                program.unlink()
            case "rename":
                program.rename(tmp_path / "other")
            case _:
                program.chmod(0o755)
        assert has_events(watcher)
    finally:
        os.close(watcher)
        agent.close()


def test_target_of_a_symbolic_link_is_watched_too(environment: HostEnvironment, tmp_path: Path) -> None:
    target = tmp_path / "alternatives" / "program"
    target.parent.mkdir()
    target.write_text("")
    target.chmod(0o755)
    (tmp_path / "program").symlink_to(target)
    agent = AgentClient(environment.socket_path, TIMEOUT_S)
    watcher = agent.watch([str(tmp_path / "program")])
    try:
        target.unlink()
        assert has_events(watcher)
    finally:
        os.close(watcher)
        agent.close()


def test_watch_follows_directories_that_come_later(environment: HostEnvironment, tmp_path: Path) -> None:
    changes: queue.Queue[None] = queue.Queue()
    pattern = f"{tmp_path}/later/bin/*"
    agent = AgentClient(environment.socket_path, TIMEOUT_S)
    watch = ContainerWatch(agent, lambda: [pattern], lambda: changes.put(None))
    watch.start()
    changes.get(timeout=TIMEOUT_S)  # it stands
    for directory in (tmp_path / "later", tmp_path / "later" / "bin"):
        directory.mkdir()
        changes.get(timeout=TIMEOUT_S)  # heard
        changes.get(timeout=TIMEOUT_S)  # ended, to be made anew
        changes.get(timeout=TIMEOUT_S)  # it stands again
    (tmp_path / "later" / "bin" / "program").write_text("")
    changes.get(timeout=TIMEOUT_S)
