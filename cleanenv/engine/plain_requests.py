"""Starts and stops a container that is there, by one request on the engine's socket.

Without the engine's library: a call and a shell wait for this, and to import that takes longer than the start. For the
plain case only; whatever else there is to say and to mend is left to who has the library.
"""

from __future__ import annotations

import re
import socket
import time

__all__ = ["start", "stop"]

_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SCHEME = "unix://"
_ANSWER_MAX = 4096  # bytes; no more than its first line is read
_DONE = (b"204", b"304")  # now, or before: ContainerStart and ContainerStop in the Engine API
_TIMEOUT_S = 60.0


def start(address: str, container_id: str) -> bool:
    """Whether the engine says that the container runs now. False is any other answer, and any engine elsewhere."""
    return _post(address, container_id, "start", _TIMEOUT_S)


def stop(address: str, container_id: str, grace_s: int) -> bool:
    """Whether the engine says that it has stopped: by SIGTERM, or by SIGKILL after the grace. False as above."""
    return _post(address, container_id, f"stop?t={grace_s}", _TIMEOUT_S + grace_s)


def _post(address: str, container_id: str, what: str, timeout_s: float) -> bool:
    if not address.startswith(_SCHEME) or not _ID.fullmatch(container_id):
        return False
    # HTTP/1.0: the engine hangs up after its answer.
    request = f"POST /containers/{container_id}/{what} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            connection.settimeout(timeout_s)
            connection.connect(address.removeprefix(_SCHEME))
            connection.sendall(request.encode("ascii"))
            answer = _first_line(connection, time.monotonic() + timeout_s)
    except OSError:
        return False
    protocol, _space, rest = answer.partition(b" ")
    return protocol.startswith(b"HTTP/1.") and rest[:3] in _DONE


def _first_line(connection: socket.socket, deadline: float) -> bytes:
    """Empty when there is none. Raises TimeoutError at the deadline."""
    answer = b""
    while b"\r\n" not in answer:
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        part = connection.recv(_ANSWER_MAX)
        if not part or len(answer) > _ANSWER_MAX:
            return b""
        answer += part
    return answer
