r"""The control socket's protocol and its client.

One connection, one request, one answer, each a line (AF_UNIX, SOCK_STREAM):

    VERB [JSON]\n      start | enter PID | leave PID | snapshot RUN | reload SETTINGS | status | exit
    ok JSON [TAB WARNING]...\n     or: error TAB WHAT TAB WHY TAB HINT\n

`start` is done when the container runs and its on_activate has; so is `enter`, by which a shell that is entering the
environment becomes a session. `leave` ends one. `snapshot` tells of the end of a program after which one may be due,
and is done when it is taken. These four are sent by the launcher, in C, which looks at the first word of the answer and
shows the warnings.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Iterable, Mapping

from cleanenv.errors import CleanenvError, EnvironmentStateError, MountError

__all__ = [
    "SOCKET_PATH_MAX",
    "ServerAbsentError",
    "ServerSilentError",
    "encode_answer",
    "encode_error",
    "encode_request",
    "parse_answer",
    "parse_request",
    "read_line",
    "request",
]

SOCKET_PATH_MAX = 107  # bytes, unix(7)

_ANSWER_MAX = 16 << 20  # bytes
_ERROR_FIELDS = 4
_WHAT = "request to the environment server"


class ServerAbsentError(MountError):
    """Nothing listens on the control socket: the environment has no server on this host."""


class ServerSilentError(MountError):
    """The environment server did not answer in time, or broke the connection."""


def request(
    socket_path: str, verb: str, argument: Mapping[str, object] | int | None = None, *, timeout_s: float = 10.0
) -> dict[str, object]:
    """Ask the environment server and return its answer.

    Raises ServerAbsentError, ServerSilentError, or EnvironmentStateError with what the server says failed.
    `start` waits for the container: give it the time that takes.
    """
    deadline = time.monotonic() + timeout_s
    if len(os.fsencode(socket_path)) > SOCKET_PATH_MAX:
        why = f"the path of a socket has at most {SOCKET_PATH_MAX} bytes: {socket_path}"
        raise MountError(_WHAT, why)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(socket_path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ECONNREFUSED):
                raise ServerAbsentError(_WHAT, "it does not run", "cleanenv start") from error
            raise ServerSilentError(_WHAT, error.strerror or str(error)) from error
        try:
            with contextlib.suppress(BrokenPipeError):  # it refuses without reading all: the answer tells why
                connection.sendall(encode_request(verb, argument))
                connection.shutdown(socket.SHUT_WR)
            line = read_line(connection, _ANSWER_MAX, deadline)
        except TimeoutError as error:
            raise ServerSilentError(_WHAT, f"no answer to {verb!r} within {timeout_s:g} s") from error
        except OSError as error:
            raise ServerSilentError(_WHAT, error.strerror or str(error)) from error
        except ValueError as error:
            raise ServerSilentError(_WHAT, str(error)) from error
    return parse_answer(line)


def read_line(connection: socket.socket, limit: int, deadline: float) -> bytes:
    """One line without its end. Raises TimeoutError at the deadline, ValueError for too much or no line."""
    data = bytearray()
    while b"\n" not in data:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        part = connection.recv(min(65536, limit + 1 - len(data)))
        if not part:
            raise ValueError("the connection ended before the end of the line")
        data += part
        if len(data) > limit:
            raise ValueError(f"the line has more than {limit} bytes")
    return bytes(data[: data.index(b"\n")])


def encode_request(verb: str, argument: Mapping[str, object] | int | None) -> bytes:
    """A request as a line."""
    return (verb if argument is None else f"{verb} {json.dumps(argument)}").encode("ascii") + b"\n"


def parse_request(line: bytes) -> tuple[str, object]:
    """The verb and its argument, None when there is none. Raises ValueError."""
    verb, _space, argument = line.decode("ascii").strip().partition(" ")
    return verb, json.loads(argument) if argument else None


def encode_answer(result: Mapping[str, object], warnings: Iterable[str] = ()) -> bytes:
    """The answer to a request that was done."""
    return _line(f"ok {json.dumps(result)}", *warnings)


def encode_error(error: CleanenvError) -> bytes:
    """The answer to a request that failed."""
    return _line("error", error.what, error.why, error.hint or "")


def _line(*fields: str) -> bytes:
    """Fields that C can split: the launcher shows them. A line break in one of them would end the answer."""
    return "\t".join(" ".join(field.split()) for field in fields).encode("utf-8", "surrogateescape") + b"\n"


def parse_answer(line: bytes) -> dict[str, object]:
    """The result. Raises EnvironmentStateError for an `error`, ServerSilentError for anything else."""
    fields = line.decode("utf-8", "surrogateescape").split("\t")
    if fields[0] == "error" and len(fields) == _ERROR_FIELDS:
        raise EnvironmentStateError(fields[1], fields[2], fields[3] or None)
    word, _space, text = line.partition(b"\t")[0].partition(b" ")
    try:
        data = json.loads(text) if word == b"ok" else None
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ServerSilentError(_WHAT, f"its answer is not of the protocol: {line[:80]!r}")
    return data
