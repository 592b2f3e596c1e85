"""Where an environment and its user keep files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanenv.model.environment import EnvironmentPaths, RuntimePaths, is_environment_id
from cleanenv.model.host import Host
from cleanenv.model.user import Group, User


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("0123456789ab", True),
        ("0123456789AB", False),
        ("0123456789a", False),
        ("0123456789abc", False),
        ("0123456789ab\n", False),
        ("..", False),
        ("", False),
    ],
)
def test_environment_is_named_by_twelve_hexadecimal_digits(text: str, valid: bool) -> None:  # noqa: FBT001
    assert is_environment_id(text) == valid


def test_everything_of_an_environment_is_in_its_directory() -> None:
    paths, runtime = EnvironmentPaths(Path("/e")), RuntimePaths(Path("/run/x"))
    persistent = (
        paths.bin,
        paths.configuration,
        paths.private,
        paths.state,
        paths.listing,
        paths.agent,
        paths.launcher,
    )
    assert all(path.is_relative_to("/e") for path in persistent)
    assert paths.state.parent == paths.private
    passing = (runtime.agent_socket, runtime.control_socket, runtime.launch_table, runtime.lock, runtime.server_log)
    assert all(path.is_relative_to("/run/x") for path in passing)
    # What the container sees holds no way to the server.
    assert runtime.agent_socket.parent == runtime.agent_directory
    assert not any(path.is_relative_to(runtime.agent_directory) for path in passing[1:])


@pytest.mark.parametrize(
    ("variables", "cache", "state"),
    [
        ({}, "/home/ann/.cache", "/home/ann/.local/state"),
        ({"XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "/s"}, "/c", "/s"),
        ({"XDG_CACHE_HOME": "", "XDG_STATE_HOME": "relative"}, "/home/ann/.cache", "/home/ann/.local/state"),
    ],
)
def test_directories_of_the_user_follow_the_standard(variables: dict[str, str], cache: str, state: str) -> None:
    user = User("ann", 1000, "/home/ann", (Group("ann", 1000),))
    host = Host(user=user, working_directory="/", variables=variables, python="/usr/bin/python3")
    assert (host.cache_directory, host.state_directory) == (Path(cache, "cleanenv"), Path(state, "cleanenv"))


def test_first_group_is_the_primary_one() -> None:
    assert User("ann", 1000, "/home/ann", (Group("staff", 50), Group("ann", 1000))).gid == 50
