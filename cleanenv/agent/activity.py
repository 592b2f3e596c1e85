"""How much an environment is used: the calls that its agent, and the keeper of each terminal, have just now."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanenv.agent import wire
from cleanenv.agent.client import AgentAbsentError
from cleanenv.errors import AgentError

__all__ = ["Activity", "ask_activity", "ask_agents"]

_TIMEOUT_S = 2.0
_AT_ONCE = 200  # connections; a process may have 1024 descriptors by default
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


def ask_agents(agent_sockets: Sequence[Path]) -> list[Activity | AgentError]:
    """What each agent tells of itself, or the error: all are asked at the same time, and share one time limit.

    Terminals, of which others tell, are left out.
    """
    answers: list[Activity | AgentError] = []
    for first in range(0, len(agent_sockets), _AT_ONCE):
        answers += _ask_at_once(agent_sockets[first : first + _AT_ONCE])
    return answers


def _ask_at_once(paths: Sequence[Path]) -> list[Activity | AgentError]:
    answers: list[Activity | AgentError] = [_silent() for _ in paths]
    with contextlib.ExitStack() as opened:
        waiting = {}
        poll = select.poll()
        for index, path in enumerate(paths):
            try:
                connection = opened.enter_context(_begun(path))
            except AgentError as error:
                answers[index] = error
            else:
                waiting[connection.fileno()] = index, connection
                poll.register(connection, select.POLLIN)
        deadline = time.monotonic() + _TIMEOUT_S
        while waiting:
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if not ready:
                break
            for descriptor, _event in ready:
                index, connection = waiting.pop(descriptor)
                poll.unregister(descriptor)
                try:
                    answers[index] = _answer(connection)
                except AgentError as error:
                    answers[index] = error
    return answers


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
    with _begun(path) as connection:
        return _answer(connection)


def _begun(path: Path) -> socket.socket:
    """A connection, the caller's, on which the question was put."""
    if len(os.fsencode(path)) > _SOCKET_PATH_MAX:
        raise AgentError(_WHAT, f"the path of a socket has at most {_SOCKET_PATH_MAX} bytes: {path}")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        with _errors():
            connection.settimeout(_TIMEOUT_S)
            connection.connect(os.fspath(path))
            connection.send(wire.pack_header(wire.ACTIVITY))
    except BaseException:
        connection.close()
        raise
    return connection


def _answer(connection: socket.socket) -> Activity:
    with _errors():
        calls, idle_ms = wire.unpack_activity(connection.recv(wire.PACKET_MAX))
    return Activity(calls, idle_ms / 1000)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, ConnectionError) as error:
        raise AgentAbsentError(_WHAT, "the container does not run", "cleanenv start") from error
    except TimeoutError as error:
        raise _silent() from error
    except OSError as error:
        raise AgentError(_WHAT, error.strerror or str(error)) from error


def _silent() -> AgentError:
    return AgentError(_WHAT, f"no answer within {_TIMEOUT_S:g} s")
