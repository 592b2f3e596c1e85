"""How much an environment is used: the calls that its agent, and the keeper of each terminal, have just now."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

from cleanenv.agent import wire
from cleanenv.agent.client import AgentAbsentError
from cleanenv.errors import AgentError

__all__ = ["Activity", "ask_activity"]

_TIMEOUT_S = 2.0
_SOCKET_PATH_MAX = 107  # bytes, unix(7)
_TERMINAL = "terminal-"
_WHAT = "question to the agent"


@dataclass(frozen=True, slots=True)
class Activity:
    """`calls` run now; `idle_s` have passed since the last one ended, or since the container was started."""

    calls: int
    idle_s: float


def ask_activity(agent_directory: Path) -> Activity:
    """Ask all sockets in the directory; whoever connected to one of them before is counted.

    cleanenv's own calls and what programs left behind in the background do not count. Raises AgentAbsentError when
    there is no agent, AgentError when one is silent or answers nonsense.
    """
    activity = _ask(agent_directory / "agent.sock")
    for name in _names(agent_directory):
        if name.startswith(_TERMINAL) and _is_socket(agent_directory / name):
            try:
                of_terminal = _ask(agent_directory / name)
            except AgentAbsentError:
                continue  # it was closed meanwhile
            calls, idle_s = activity.calls + of_terminal.calls, min(activity.idle_s, of_terminal.idle_s)
            activity = Activity(calls, idle_s)
    return activity


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError as error:  # the way to it was closed meanwhile
        raise AgentAbsentError(_WHAT, error.strerror or str(error)) from error


def _is_socket(path: Path) -> bool:
    """Not a link to one: programs of the container can write to this directory."""
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def _ask(path: Path) -> Activity:
    if len(os.fsencode(path)) > _SOCKET_PATH_MAX:
        raise AgentError(_WHAT, f"the path of a socket has at most {_SOCKET_PATH_MAX} bytes: {path}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(os.fspath(path))
            connection.send(wire.pack_header(wire.ACTIVITY))
            calls, idle_ms = wire.unpack_activity(connection.recv(wire.PACKET_MAX))
        except (FileNotFoundError, NotADirectoryError, ConnectionError) as error:
            raise AgentAbsentError(_WHAT, "the container does not run", "cleanenv start") from error
        except TimeoutError as error:
            raise AgentError(_WHAT, f"no answer within {_TIMEOUT_S:g} s") from error
        except OSError as error:
            raise AgentError(_WHAT, error.strerror or str(error)) from error
    return Activity(calls, idle_ms / 1000)
