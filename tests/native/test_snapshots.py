"""What the launcher tells the environment server after a run, and what becomes of the call."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest

from cleanenv.launch_table import dump_launch_table
from cleanenv.model.snapshot_rule import SnapshotRule
from tests.native.conftest import IDENTITY, USUAL, HostEnvironment
from tests.native.control_socket import Serve, serving


@pytest.fixture
def environment(own_environment: HostEnvironment) -> HostEnvironment:
    """With rules for sh, and for false after failures too."""
    rules = [SnapshotRule("sh", "."), SnapshotRule("false", ".", always=True)]
    table = dump_launch_table(
        str(own_environment.runtime), os.path.expanduser("~"), IDENTITY, USUAL, python="/none", snapshot_rules=rules
    )
    (own_environment.runtime / "launch-table").write_bytes(table)
    own_environment.serve(".hook")
    return own_environment


@pytest.fixture
def serve(environment: HostEnvironment) -> Iterator[Serve]:
    """Stands for the environment server."""
    with serving(environment) as serve:
        yield serve


def told(asked: list[bytes]) -> list[tuple[bool, list[bytes]]]:
    """The runs that the server was told of: whether they succeeded, and the words of the command line."""
    runs = []
    for line in asked:
        assert line.startswith(b'snapshot "') and line.endswith(b'"\n'), line  # noqa: PT018 (one form)
        text = json.loads(line.removeprefix(b"snapshot "))
        runs.append((text[0] == "1", bytes.fromhex(text[1:]).split(b"\0")))
    return runs


def test_run_is_told_with_its_command_line_before_the_call_ends(environment: HostEnvironment, serve: Serve) -> None:
    asked = serve(b"ok {}\tsnapshot 7 (sh-7): 1 B, 0.1 s\n")
    done = environment.run("sh", "-c", "echo works", "two words")
    assert (done.returncode, done.stdout) == (0, b"works\n")
    assert done.stderr == b"cleanenv: snapshot 7 (sh-7): 1 B, 0.1 s\n"
    assert told(asked) == [(True, [b"sh", b"-c", b"echo works", b"two words", b""])]


@pytest.mark.parametrize(
    "odd", [b"", b'"', b"\\", b"\n\t\x01\x7f", "ü€".encode(), b"\xff\xc3", b'"},"succeeded":false}\n']
)
def test_any_bytes_arrive(environment: HostEnvironment, serve: Serve, odd: bytes) -> None:
    asked = serve(b"ok {}\n")
    environment.run("sh", "-c", "true", odd)
    assert told(asked) == [(True, [b"sh", b"-c", b"true", odd, b""])]


def test_long_command_line_is_cut_and_still_told(environment: HostEnvironment, serve: Serve) -> None:
    asked = serve(b"ok {}\n")
    assert environment.run("sh", "-c", "true", b"\xff" * 100_000).returncode == 0
    ((_, words),) = told(asked)
    assert words[:3] == [b"sh", b"-c", b"true"]
    assert 4000 <= len(words[3]) <= 4096
    assert set(words[3]) == {0xFF}


@pytest.mark.parametrize(
    ("program", "arguments", "succeeded"),
    [
        ("sh", ("-c", "exit 3"), None),
        ("sh", ("-c", "kill -9 $$"), None),
        ("false", (), False),
        ("true", (), None),
        ("inenv", ("sh", "-c", "true"), True),
        ("inenv", ("/bin/sh", "-c", "true"), True),
        ("inenv", ("true",), None),
        (".hook", ("sh", "-c", "true"), None),
    ],
)
def test_server_is_asked_after_those_runs_only(
    environment: HostEnvironment,
    serve: Serve,
    program: str,
    arguments: tuple[str, ...],
    succeeded: bool | None,  # noqa: FBT001 (what is told)
) -> None:
    asked = serve(b"ok {}\n")
    environment.run(program, *arguments)
    assert [has_succeeded for has_succeeded, _ in told(asked)] == ([] if succeeded is None else [succeeded])


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"error\tsnapshot\tthe disk is full\thint\n", b"cleanenv: snapshot: the disk is full\n"),
        (b"", b"cleanenv: environment: its server ended before it had answered\n"),
        (b"nonsense\n", b"cleanenv: environment: its server ended before it had answered\n"),
    ],
)
def test_failure_of_the_server_is_a_warning_and_the_status_the_programs(
    environment: HostEnvironment, serve: Serve, reply: bytes, said: bytes
) -> None:
    serve(reply)
    done = environment.run("false")
    assert (done.returncode, done.stderr) == (1, said)


def test_server_that_is_gone_is_a_warning(environment: HostEnvironment) -> None:
    done = environment.run("sh", "-c", "true")
    assert (done.returncode, done.stderr) == (0, b"cleanenv: environment: its server is gone, and takes no snapshot\n")


def test_key_ends_the_wait_for_the_snapshot(environment: HostEnvironment) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(environment.runtime / "control.sock"))
        listener.listen()
        process = environment.popen("sh", "-c", "true", stderr=subprocess.PIPE)
        connection, _address = listener.accept()
        with connection, process:
            connection.recv(100)
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == -signal.SIGINT
