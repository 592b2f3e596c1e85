"""Starts a container that was stopped, by one request on the engine's socket.

Without the engine's library: a call and a shell wait for this, and to import that takes longer than the start. For the
plain case only; whatever else there is to say and to mend is left to who has the library.
"""

from __future__ import annotations

import re
import socket
import time

__all__ = ["restart"]

_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SCHEME = "unix://"
_ANSWER_MAX = 4096  # bytes; no more than its first line is read
_STARTED = (b"204", b"304")  # now, or before: ContainerStart in the Engine API


def restart(address: str, container_id: str, timeout_s: float) -> bool:
    """Whether the engine says that the container runs now. False is any other answer, and any engine elsewhere."""
    if not address.startswith(_SCHEME) or not _ID.fullmatch(container_id):
        return False
    # HTTP/1.0: the engine hangs up after its answer.
    request = f"POST /containers/{container_id}/start HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    deadline = time.monotonic() + timeout_s
    answer = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
            connection.settimeout(timeout_s)
            connection.connect(address.removeprefix(_SCHEME))
            connection.sendall(request.encode("ascii"))
            while b"\r\n" not in answer and len(answer) < _ANSWER_MAX:
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                part = connection.recv(_ANSWER_MAX)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    protocol, _space, rest = answer.partition(b" ")
    return protocol.startswith(b"HTTP/1.") and rest[:3] in _STARTED
