"""A connection to an environment's agent for questions.

Every question is bounded by the client's timeout, whatever the agent does. Not for two threads at once.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from cleanenv.agent import wire
from cleanenv.agent.wire import Match, Presence
from cleanenv.errors import AgentError

__all__ = ["AgentAbsentError", "AgentClient"]

_Answer = TypeVar("_Answer", bytes, int)

_SOCKET_PATH_MAX = 107  # bytes, unix(7)
# Room for as many descriptors as the kernel passes at once (SCM_MAX_FD), so that each of them can be closed.
_ANCILLARY_MAX = socket.CMSG_SPACE(253 * array.array("i").itemsize)
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED})
_WHAT = "question to the agent"
_ANSWER = "answer of the agent"
_BROKEN = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN})


class AgentAbsentError(AgentError):
    """Nothing listens on the agent's socket: the container does not run. Known at once, without a wait."""


class AgentClient:
    """Asks the agent that listens on `socket_path`.

    Connects with the first question and keeps the connection; one that broke meanwhile (the container was
    started again) is made anew, once a question. After any error the next question begins with a new one.
    Raises AgentAbsentError when there is no agent, AgentError when it is silent or answers nonsense.
    """

    def __init__(self, socket_path: str, timeout_s: float) -> None:
        if len(os.fsencode(socket_path)) > _SOCKET_PATH_MAX:
            raise AgentError(
                f"connection to the agent at {socket_path}",
                f"the path of a socket has at most {_SOCKET_PATH_MAX} bytes",
                "use a shorter runtime directory",
            )
        self._path = socket_path
        self._timeout_s = timeout_s
        self._connection: socket.socket | None = None

    def close(self) -> None:
        """Close the connection; the next question opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def glob(self, patterns: Sequence[str]) -> tuple[Match, ...]:
        """The executable files that match, in the order of the patterns; `~/` begins in the user's home."""
        if not patterns:
            return ()
        return wire.unpack_matches(self._ask(wire.GLOB, patterns, _content), len(patterns))

    def exists(self, paths: Sequence[str]) -> tuple[Presence, ...]:
        """What is at each of the paths."""
        if not paths:
            return ()
        return wire.unpack_presences(self._ask(wire.EXISTS, paths, _content), len(paths))

    def watch(self, patterns: Sequence[str]) -> int:
        """A non-blocking inotify descriptor, the caller's: it has something to read when a match may have changed."""
        return self._ask(wire.WATCH, patterns, _inotify)

    def fileno(self) -> int:
        """The open connection, for a poll that waits for its end. Raises AgentError when there is none."""
        if self._connection is None:
            raise AgentError(_WHAT, "there is no connection")
        return self._connection.fileno()

    def _ask(self, kind: int, texts: Sequence[str], read: Callable[[int], _Answer]) -> _Answer:
        """One question and its answer.

        Whatever fails closes the connection: a late answer must not be taken for the next one.
        """
        deadline = time.monotonic() + self._timeout_s
        data = wire.pack_strings(texts)
        answer = None
        try:
            is_reused = self._connection is not None
            connection = self._connected(deadline)
            with _sealed(data) as question:
                answer = _exchange(connection, kind, question, deadline, read)
                if answer is None and is_reused:
                    self.close()
                    answer = _exchange(self._connected(deadline), kind, question, deadline, read)
        except (TimeoutError, BlockingIOError) as error:  # BlockingIOError: its queue of connections is full
            raise AgentError(_WHAT, f"no answer within {self._timeout_s:g} s") from error
        except OSError as error:
            raise AgentError(_WHAT, error.strerror or str(error)) from error
        finally:
            if answer is None:
                self.close()
        if answer is None:
            raise AgentError(_WHAT, "it closed the connection")
        return answer

    def _connected(self, deadline: float) -> socket.socket:
        if self._connection is None:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
            self._connection = connection
            connection.settimeout(_left(deadline))
            try:
                connection.connect(self._path)
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                what = f"connection to the agent at {self._path}"
                raise AgentAbsentError(what, "the container does not run", "cleanenv start") from error
        return self._connection


def _exchange(
    connection: socket.socket, kind: int, question: int, deadline: float, read: Callable[[int], _Answer]
) -> _Answer | None:
    """The answer; None when the other end is gone."""
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [question]))
    try:
        connection.settimeout(_left(deadline))
        connection.sendmsg([wire.pack_header(kind)], [rights], socket.MSG_NOSIGNAL)
        connection.settimeout(_left(deadline))
        return _receive(connection, read)
    except OSError as error:
        if error.errno in _BROKEN:
            return None
        raise


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@contextlib.contextmanager
def _sealed(data: bytes) -> Iterator[int]:
    """A memfd with the data that nobody can change."""
    descriptor = os.memfd_create("cleanenv-question", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        yield descriptor
    finally:
        os.close(descriptor)


def _receive(connection: socket.socket, read: Callable[[int], _Answer]) -> _Answer | None:
    """What `read` makes of the descriptor of the next answer; None at the end of the stream."""
    packet, ancillary, flags, _address = connection.recvmsg(wire.PACKET_MAX, _ANCILLARY_MAX, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    try:
        if not packet and not descriptors:
            return None
        wire.check_answer_header(packet)
        if len(descriptors) != 1 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise AgentError(_ANSWER, f"it came with {len(descriptors)} descriptors instead of 1")
        return read(descriptors[0])
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _inotify(descriptor: int) -> int:
    """A copy of an inotify descriptor. Only such a one is waited on: a pipe's other end is in other hands."""
    if os.readlink(f"/proc/self/fd/{descriptor}") != "anon_inode:inotify":
        raise AgentError(_ANSWER, "its descriptor is not an inotify")
    os.set_blocking(descriptor, False)
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


def _content(descriptor: int) -> bytes:
    """The bytes of a sealed memfd. Only such a file is read: a pipe or a device could block for ever."""
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError as error:
        raise AgentError(_ANSWER, "its descriptor is not a memfd") from error
    size = os.fstat(descriptor).st_size
    if seals & _SEALS != _SEALS:
        raise AgentError(_ANSWER, "its memfd is not sealed")
    if size > wire.QUESTION_MAX:
        raise AgentError(_ANSWER, f"it has {size} bytes, {wire.QUESTION_MAX} are allowed")
    data = os.pread(descriptor, size, 0)
    if len(data) != size:
        raise AgentError(_ANSWER, "its memfd cannot be read")
    return data
