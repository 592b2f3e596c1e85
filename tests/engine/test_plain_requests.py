"""The one request that starts or stops a container, at an engine that answers in every way."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv.engine import plain_requests
from cleanenv.engine.plain_requests import start, stop

ID = "0123456789abcdef" * 4


@contextlib.contextmanager
def engine(path: Path, answer: bytes) -> Iterator[list[bytes]]:
    """An engine that gives this answer once, and hangs up. Yields what it was asked."""
    asked: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _address = listener.accept()
            with connection:
                asked.append(connection.recv(1000))
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked
        thread.join(10)


@pytest.mark.parametrize(
    ("answer", "runs"),
    [
        (b"HTTP/1.0 204 No Content\r\nServer: x\r\n\r\n", True),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", True),
        (b"HTTP/1.0 404 Not Found\r\n\r\n{}", False),
        (b"HTTP/1.0 500 Internal Server Error\r\n\r\n204", False),
        (b"HTTP/1.0 204", False),
        (b"x" * 10000, False),
        (b"SSH-2.0 204 \r\n", False),
        (b"", False),
    ],
)
def test_only_the_engines_yes_counts(tmp_path: Path, answer: bytes, *, runs: bool) -> None:
    with engine(tmp_path / "s", answer) as asked:
        assert start(f"unix://{tmp_path}/s", ID) is runs
    assert asked == [f"POST /containers/{ID}/start HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()]


def test_stop_gives_the_programs_time(tmp_path: Path) -> None:
    with engine(tmp_path / "s", b"HTTP/1.0 204 No Content\r\n\r\n") as asked:
        assert stop(f"unix://{tmp_path}/s", ID, 10)
    assert asked[0].startswith(f"POST /containers/{ID}/stop?t=10 HTTP/1.0\r\n".encode())


def test_silent_engine_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_requests, "_TIMEOUT_S", 0.1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        assert not start(f"unix://{tmp_path}/s", ID)


@pytest.mark.parametrize(
    ("address", "container_id"),
    [
        ("unix:///nowhere/docker.sock", ID),
        ("tcp://127.0.0.1:2375", ID),
        ("", ID),
        ("unix:///" + 200 * "x", ID),
        ("unix:///nowhere/docker.sock", "x\r\nHost: y"),
    ],
)
def test_what_is_not_plain_is_left_to_others(address: str, container_id: str) -> None:
    assert not start(address, container_id)
