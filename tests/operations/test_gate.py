"""The way to the agent: closed, opened, and opened to another container."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleanenv import gate
from cleanenv.model.environment import RuntimePaths
from cleanenv.runtime import make_runtime_directory


@pytest.fixture
def runtime(tmp_path: Path) -> RuntimePaths:
    runtime = make_runtime_directory(str(tmp_path / "cleanenv/x"), os.geteuid())
    (runtime.agent_directory / "agent.sock").write_text("before")
    return runtime


def way(runtime: RuntimePaths) -> str | None:
    """Whose socket a caller finds."""
    return Path(runtime.agent_socket).read_text() if Path(runtime.agent_socket).exists() else None


def test_nobody_gets_in_while_it_is_closed(runtime: RuntimePaths) -> None:
    with gate.closed(runtime):
        assert way(runtime) is None
    assert way(runtime) == "before"


@pytest.mark.parametrize("is_closed", [False, True])
def test_who_takes_the_place_is_found_at_once_and_stays(runtime: RuntimePaths, is_closed: bool) -> None:  # noqa: FBT001
    if is_closed:
        gate.close(runtime)
    gate.renew(runtime)
    assert way(runtime) is None
    (runtime.agent_directory / "agent.sock").write_text("after")
    gate.open_again(runtime)
    assert way(runtime) == "after"
    assert not runtime.closing_directory.exists()


@pytest.mark.parametrize("has_begun", [False, True])
def test_who_does_not_take_the_place_leaves_it_to_the_one_before(runtime: RuntimePaths, has_begun: bool) -> None:  # noqa: FBT001
    gate.renew(runtime)
    if has_begun:
        (runtime.agent_directory / "agent.sock").write_text("after")
    gate.put_back(runtime)
    assert way(runtime) is None
    gate.open_again(runtime)
    assert way(runtime) == "before"


def test_command_that_was_killed_before_the_new_one_listened_leaves_the_one_before(runtime: RuntimePaths) -> None:
    gate.renew(runtime)
    gate.open_again(runtime)
    assert way(runtime) == "before"
