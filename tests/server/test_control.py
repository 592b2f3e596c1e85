"""The control socket: its protocol, its client, and its server under clients of every kind."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleanenv.errors import EnvironmentStateError, MountError
from cleanenv.server import control, control_server
from cleanenv.server.control import ServerAbsentError, ServerSilentError, encode_error, parse_answer, request
from cleanenv.server.control_server import Answer, ControlServer, Handler

Serve = Callable[..., ControlServer]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "c.sock")


@pytest.fixture
def serve(path: str) -> Iterator[Serve]:
    """A server with an `echo` and what the test adds; closed at the end."""
    with contextlib.ExitStack() as stack:

        def serve(users: frozenset[int] = frozenset({os.getuid()}), **handlers: Handler) -> ControlServer:
            server = ControlServer(path, users, {"echo": lambda argument: Answer({"got": argument}), **handlers})
            stack.callback(server.close)
            server.start()
            return server

        yield serve


def send(path: str, data: bytes) -> bytes:
    """What the server answers to raw bytes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            return connection.recv(65536)
        return b""


def test_a_request_gets_the_result_of_its_handler(serve: Serve, path: str) -> None:
    serve()

    assert request(path, "echo", {"a": ["ä\n\udcff", 1]}) == {"got": {"a": ["ä\n\udcff", 1]}}
    assert request(path, "echo") == {"got": None}


def test_the_launchers_request_is_answered_with_a_word_first(serve: Serve, path: str) -> None:
    def fail(_argument: object) -> Answer:
        raise EnvironmentStateError("start", "no engine", "dockerd")

    serve(start=lambda _argument: Answer({}), broken=fail)

    assert send(path, b"start\n") == b"ok {}\n"
    assert send(path, b"broken\n") == b"error\tstart\tno engine\tdockerd\n"


def test_warnings_follow_the_result(serve: Serve, path: str) -> None:
    serve(enter=lambda pid: Answer({"pid": pid}, warnings=("on-activate 'a\tb': it\nfailed", "two")))

    assert send(path, b"enter 12\n") == b"ok {\"pid\": 12}\ton-activate 'a b': it failed\ttwo\n"
    assert request(path, "enter") == {"pid": None}


def test_an_error_of_the_handler_is_raised_at_the_client(serve: Serve, path: str) -> None:
    def fail(_argument: object) -> Answer:
        raise MountError("what", "why: so", "hint")

    serve(fail=fail)

    with pytest.raises(EnvironmentStateError) as caught:
        request(path, "fail")
    assert (caught.value.what, caught.value.why, caught.value.hint) == ("what", "why: so", "hint")


def test_a_defect_of_a_handler_is_an_answer_and_the_server_lives(serve: Serve, path: str) -> None:
    def fail(_argument: object) -> Answer:
        raise ZeroDivisionError("a defect")

    serve(fail=fail)

    with pytest.raises(EnvironmentStateError, match="internal error"):
        request(path, "fail")
    assert request(path, "echo") == {"got": None}


def test_what_is_to_be_done_afterwards_is_done_even_if_the_client_is_gone(serve: Serve, path: str) -> None:
    is_done, may_answer = threading.Event(), threading.Event()

    def slow(_argument: object) -> Answer:
        may_answer.wait(10)
        return Answer({"x": "y" * 10_000_000}, is_done.set)

    serve(slow=slow)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"slow\n")
    may_answer.set()

    assert is_done.wait(10)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", b"before the end of the line"),
        (b"echo", b"before the end of the line"),
        (b"\n", b"unknown verb ''"),
        (b"nonsense\n", b"unknown verb 'nonsense' (known: echo)"),
        (b"echo {\n", b"malformed"),
        (b"echo " + b"[" * 50_000 + b"\n", b"malformed"),
        (b"\xff\n", b"malformed"),
        (b"echo " + b"x" * (64 << 10) + b"\n", b"more than 65536 bytes"),
        (b"reload " + b"x" * (1 << 20) + b"\n", b"more than 1048576 bytes"),
    ],
)
def test_nonsense_costs_its_connection_and_no_more(serve: Serve, path: str, data: bytes, reason: bytes) -> None:
    serve()

    answer = send(path, data)

    assert answer.startswith(b"error\t") or len(data) > 1000  # the end of a connection may outrun the answer
    if answer:
        assert reason in answer
    assert request(path, "echo") == {"got": None}


def test_a_reload_may_be_longer_than_other_requests(serve: Serve, path: str) -> None:
    serve(reload=lambda argument: Answer({"type": type(argument).__name__}))

    assert request(path, "reload", {"x": "y" * 900_000}) == {"type": "dict"}


def test_silent_clients_do_not_keep_others_waiting(serve: Serve, path: str) -> None:
    serve()
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(path)
        start = time.monotonic()

        assert request(path, "echo") == {"got": None}
        assert time.monotonic() - start < 2


def test_a_silent_client_is_sent_away_in_the_end(serve: Serve, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "_REQUEST_TIMEOUT_S", 0.05)
    serve()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        connection.sendall(b"ec")

        assert b"none came within" in connection.recv(1000)
        assert connection.recv(1000) == b""


def test_more_clients_than_places_wait_for_their_turn(serve: Serve, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "_CONNECTIONS_MAX", 2)
    monkeypatch.setattr(control_server, "_REQUEST_TIMEOUT_S", 0.2)
    serve()
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(socket.socket(socket.AF_UNIX)).connect(path)

        assert request(path, "echo") == {"got": None}


def test_a_foreign_user_is_refused(serve: Serve, path: str) -> None:
    serve(users=frozenset({os.getuid() + 1}))

    for _ in range(20):  # whether the refusal comes before the request was sent or after it
        with pytest.raises(EnvironmentStateError, match=f"user {os.getuid()} is not the owner"):
            request(path, "echo")


def test_the_socket_is_for_its_owner_alone(serve: Serve, path: str) -> None:
    serve()

    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_stale_socket_is_replaced(serve: Serve, path: str) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)

    serve()

    assert request(path, "echo") == {"got": None}


def test_closing_removes_the_socket_but_not_a_successors(serve: Serve, path: str) -> None:
    first = serve()
    second = serve()

    first.close()
    assert request(path, "echo") == {"got": None}
    second.close()
    second.close()
    assert not os.path.exists(path)


def test_without_a_server_its_absence_is_told(path: str) -> None:
    with pytest.raises(ServerAbsentError):
        request(path, "status")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with pytest.raises(ServerAbsentError):
        request(path, "status")


def test_a_server_that_does_not_answer_costs_the_timeout(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(ServerSilentError, match=r"within 0\.05 s"):
            request(path, "status", timeout_s=0.05)


def test_a_server_that_does_not_accept_costs_the_timeout(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        with pytest.raises(ServerSilentError):
            request(path, "status", timeout_s=0.05)


@pytest.mark.parametrize("make", [lambda path: request(path, "x"), lambda path: ControlServer(path, (), {})])
def test_a_socket_path_that_is_too_long_is_told(make: Callable[[str], object]) -> None:
    with pytest.raises(MountError, match="at most 107 bytes"):
        make("/tmp/" + "x" * 103)


def test_a_directory_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(MountError, match="No such file"):
        ControlServer(str(tmp_path / "gone" / "c.sock"), (), {})


@pytest.mark.parametrize(
    "line", [b"", b"ok", b"ok [1]", b"ok {", b"yes {}", b"error", b"error {}", b"error\ta\tb", b"error\ta\tb\tc\td"]
)
def test_an_answer_that_is_none_is_the_servers_silence(line: bytes) -> None:
    with pytest.raises(ServerSilentError, match="not of the protocol"):
        parse_answer(line)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MountError("what", "why"), b"error\twhat\twhy\t\n"),
        (MountError("a\tb", "two\n lines\r", " h "), b"error\ta b\ttwo lines\th\n"),
        (MountError("\udcff", "ä", ""), b"error\t\xff\t\xc3\xa4\t\n"),
    ],
)
def test_an_error_is_one_line_of_four_fields_whatever_it_says(error: MountError, line: bytes) -> None:
    assert encode_error(error) == line
    with pytest.raises(EnvironmentStateError) as caught:
        parse_answer(line[:-1])
    assert caught.value.hint is None or caught.value.hint == "h"


def test_the_verbs_are_those_of_the_documentation() -> None:
    assert control.__doc__ is not None
    assert "start | enter PID | leave PID | snapshot RUN | reload SETTINGS | status | exit" in control.__doc__
