"""scripts/engine-ping: what it says about an engine, by its exit status."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "engine-ping"


def _ping(docker_host: str) -> int:
    return subprocess.run(
        [sys.executable, str(SCRIPT)],
        env=os.environ | {"DOCKER_HOST": docker_host},
        stderr=subprocess.DEVNULL,
        timeout=30,
        check=False,
    ).returncode


@contextmanager
def _engine(path: Path, answer: bytes) -> Iterator[None]:
    """Run an engine that gives one answer to one request."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        server = threading.Thread(target=serve)
        server.start()
        yield
        server.join()


def test_engine_that_answers(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with _engine(path, b"HTTP/1.0 200 OK\r\n\r\nOK"):
        assert _ping(f"unix://{path}") == 0


def test_socket_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with _engine(path, b"HTTP/1.0 404 Not Found\r\n\r\n"):
        assert _ping(f"unix://{path}") == 1


def test_socket_that_nobody_listens_to(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
    assert _ping(f"unix://{path}") == 1


def test_no_socket(tmp_path: Path) -> None:
    assert _ping(f"unix://{tmp_path}/docker.sock") == 1


def test_engine_of_another_machine() -> None:
    assert _ping("tcp://192.0.2.1:2375") == 3
