"""Unix sockets that behave in one way, for those who look for an engine behind them."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["answering", "as_nobody", "http_answer", "refusing", "silent", "version_answer"]

NOBODY = 65534


@contextlib.contextmanager
def answering(path: Path, answer: bytes) -> Iterator[None]:
    """A server that reads a request and sends these bytes to everybody who connects, then closes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # shut down
                    return
                with connection, contextlib.suppress(ConnectionError):
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
    path.unlink(missing_ok=True)


@contextlib.contextmanager
def silent(path: Path) -> Iterator[None]:
    """A server that takes connections and never says anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield
    path.unlink(missing_ok=True)


def refusing(path: Path) -> None:
    """What a killed server leaves: the socket's file and nobody behind it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Without the rights of root, where the test has them: root may connect to every socket."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def http_answer(body: bytes, status: str = "200 OK") -> bytes:
    """An HTTP response with that body."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def version_answer(version: str, api_version: str, component: str = "Engine") -> bytes:
    """What an engine says when it is asked for its version."""
    text = f'{{"Version": "{version}", "ApiVersion": "{api_version}", "Components": [{{"Name": "{component}"}}]}}'
    return http_answer(text.encode())
