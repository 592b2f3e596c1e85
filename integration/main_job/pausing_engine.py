"""The engine behind a socket that can hold a request or its answer back until the test has done something."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

import pytest

__all__ = ["PausingEngine", "at_moments"]

_TIMEOUT_S = 60.0


def at_moments(*moments: dict[str, str]) -> pytest.MarkDecorator:
    """Run a test at each of these moments of a PausingEngine; `make test` takes the first, `make test-faults` all."""

    def name(moment: dict[str, str]) -> str:
        return " ".join(f"{when} {pattern.rpartition('/')[2]}" for when, pattern in moment.items())

    first, *others = moments
    params = [pytest.param(first, id=name(first))]
    params += [pytest.param(each, id=name(each), marks=pytest.mark.long) for each in others]
    return pytest.mark.parametrize("moment", params)


class PausingEngine:
    """Passes everything on between `path` and the engine; `before` or `after` is the request to pause at.

    They are regular expressions for the beginning of a request, as "POST /[^/]*/containers/create". `reached` is
    set when it pauses, and it goes on with `go_on`. `waiting` is the process whose request that is.
    """

    def __init__(self, path: Path, engine: str, *, before: str = "", after: str = "") -> None:
        self.address = f"unix://{path}"
        self.reached = threading.Event()
        self.waiting = 0
        self._go_on = threading.Event()
        self._engine = engine
        self._before, self._after = (re.compile(text.encode()) if text else None for text in (before, after))
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        path.chmod(0o666)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> PausingEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.go_on()
        self.close()

    def wait(self) -> None:
        """Wait until the request comes."""
        assert self.reached.wait(_TIMEOUT_S), "the request did not come"

    def go_on(self) -> None:
        """Let it pass."""
        self._go_on.set()

    def close(self) -> None:
        """Be gone, like an engine that was stopped."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
            engine.connect(self._engine)
            hold_answer = False
            # A client that goes away resets the connection; the engine has its request by then, or never.
            with contextlib.suppress(OSError):
                while True:
                    ready, _, _ = select.select([client, engine], [], [])
                    for source in ready:
                        data = source.recv(1 << 16)
                        if not data:
                            return
                        if source is client:
                            if self._before and self._before.match(data):
                                self._pause(client)
                            # A request's body may come apart from its head.
                            hold_answer = hold_answer or bool(self._after and self._after.match(data))
                            engine.sendall(data)
                        else:
                            if hold_answer:
                                self._pause(client)
                            hold_answer = False
                            client.sendall(data)

    def _pause(self, client: socket.socket) -> None:
        if not self._go_on.is_set():
            credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            self.waiting, _, _ = struct.unpack("3i", credentials)
            self.reached.set()
            self._go_on.wait(_TIMEOUT_S)
