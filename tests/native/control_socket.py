"""What stands for the environment server where a launcher asks it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

from tests.native.conftest import HostEnvironment

__all__ = ["Serve", "serving"]

# Begin to answer, with the same each time. Returns what is asked, line by line.
Serve = Callable[[bytes], list[bytes]]


@contextlib.contextmanager
def serving(environment: HostEnvironment) -> Iterator[Serve]:
    """The control socket of an environment; nobody can connect until it is to answer."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(environment.runtime / "control.sock"))
    asked: list[bytes] = []

    def answer(reply: bytes) -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as file:
                asked.append(file.readline())
                connection.sendall(reply)

    def serve(reply: bytes) -> list[bytes]:
        listener.listen()
        threading.Thread(target=answer, args=(reply,), daemon=True).start()
        return asked

    yield serve
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
