"""When a program is a service: of real ones, below this process instead of an agent."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cleanenv.operations import services
from cleanenv.operations.services import await_end_or_service

TCP = "import socket; s = socket.create_server(('127.0.0.1', 0))"
TCP6 = "import socket; s = socket.create_server(('::1', 0), family=socket.AF_INET6)"
UNIX = (
    "import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0cleanenv-%d' % __import__('os').getpid()); s.listen()"
)
WAIT = "; input()"


@pytest.fixture
def hold() -> Iterator[int]:
    """An end of a pipe to read from, on which nothing comes until the test is over."""
    reading, writing = os.pipe()
    yield reading
    os.close(writing)
    os.close(reading)


@dataclass(frozen=True, slots=True)
class Program:
    """Python under another name than this process: the agent's helpers have the agent's name."""

    path: Path
    stdin: int

    def start(self, script: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([self.path, "-c", script], stdin=self.stdin, stderr=subprocess.DEVNULL)

    def outcome(self, script: str, before: frozenset[int] = frozenset()) -> int | None:
        with self.start(script) as process:
            try:
                return await_end_or_service(process, os.getpid(), before)
            finally:
                process.kill()


@pytest.fixture
def program(tmp_path: Path, hold: int) -> Program:
    path = tmp_path / "program"
    path.symlink_to(os.path.realpath(sys.executable))
    return Program(path, hold)


@pytest.mark.parametrize("status", [0, 3])
def test_program_that_ends_is_waited_for(program: Program, status: int) -> None:
    assert program.outcome(f"import time; time.sleep(0.2); raise SystemExit({status})") == status


@pytest.mark.parametrize("listening", [TCP, TCP6, UNIX], ids=["tcp", "tcp6", "unix"])
def test_program_that_listens_is_up(program: Program, monkeypatch: pytest.MonkeyPatch, listening: str) -> None:
    monkeypatch.setattr(services, "_QUIET_S", 60.0)
    assert program.outcome(listening + WAIT) is None


def test_socket_that_only_connects_is_none_that_listens(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_QUIET_S", 60.0)
    monkeypatch.setattr(services, "PATIENCE_S", 1.0)
    with pytest.raises(subprocess.TimeoutExpired):
        program.outcome("import socket; s = socket.socketpair(); t = socket.socket()" + WAIT)


def test_program_that_rests_is_up(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_QUIET_S", 0.3)
    assert program.outcome("input()") is None


def test_program_that_works_is_waited_for(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_QUIET_S", 0.3)
    monkeypatch.setattr(services, "PATIENCE_S", 1.5)
    with pytest.raises(subprocess.TimeoutExpired):
        program.outcome("while True: pass")


def test_service_that_was_there_before_does_not_count(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_QUIET_S", 60.0)
    with program.start(TCP + WAIT) as before:
        assert await_end_or_service(before, os.getpid(), frozenset()) is None
        assert program.outcome("import time; time.sleep(0.2); raise SystemExit(3)", frozenset({before.pid})) == 3
        before.kill()
