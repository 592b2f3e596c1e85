"""The agent's socket takes hostile bytes: they cost their sender the connection and nobody else anything."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanenv.model.link import Link
from tests.native.conftest import HostEnvironment, start_agent
from tests.native.packets import (
    ANSWER,
    DESCRIPTORS,
    EXISTS,
    EXITED,
    FAILED,
    GLOB,
    PONG,
    REQUEST,
    SIGNAL,
    SPAWN,
    STAGE_REQUEST,
    STARTED,
    header,
    request,
    sealed,
    send,
    spawn,
)


def assert_serves(environment: HostEnvironment) -> None:
    assert environment.run("sh", "-c", "exit 7").returncode == 7


def ends(connection: socket.socket) -> bool:
    """Whether the agent closes the connection; it does so without a word."""
    try:
        return connection.recv(256) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "packet",
    [
        b"x",
        header(SPAWN, magic=0),
        header(SPAWN, version=9) + b"\0" * 8,
        header(99),
        header(SPAWN),
        header(SPAWN) + struct.pack("=II", 0, 5) + b"four",
        header(SPAWN) + struct.pack("=II", 0, 20000) + b"x" * 20000,
        header(SPAWN) + struct.pack("=II", 0xFFFFFFFF, 0),
        header(SIGNAL) + struct.pack("=iI", 9, 0),
        header(DESCRIPTORS),
        header(EXITED) + struct.pack("=i", 0),
        header(EXISTS) + b"more",
        b"\0" * 256,
        b"\xff" * 4096,
    ],
)
def test_malformed_packet_costs_its_connection_only(environment: HostEnvironment, packet: bytes) -> None:
    with environment.connect() as connection:
        send(connection, packet)
        assert ends(connection)
    assert_serves(environment)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        request(b"/bin/true", b"true", b"/", size=5),
        request(b"/bin/true", b"true", b"/", counts=(0, 1, 0)),
        request(b"/bin/true", b"true", b"/", counts=(1, 0xFFFFFFFF, 0)),
        request(b"/bin/true", b"true", b"/", counts=(1, 1, 1)),
        request(b"/bin/true", b"true", b"/", b"more"),
        request(b"/bin/true", b"true", b"/", descriptors=1000),
        request(b"/bin/true", b"true", b"/")[:-1],
    ],
)
def test_malformed_request_is_refused_by_the_child(environment: HostEnvironment, content: bytes) -> None:
    descriptor = sealed(content)
    with environment.connect() as connection:
        send(connection, header(SPAWN) + struct.pack("=II", 0, 0), descriptor)
        answer = connection.recv(256)
    os.close(descriptor)
    assert answer[:12] == header(FAILED) + struct.pack("=I", STAGE_REQUEST)
    assert_serves(environment)


def test_request_that_is_not_sealed_is_refused(environment: HostEnvironment) -> None:
    """Otherwise its sender could change it between check and use."""
    descriptor = sealed(request(b"/bin/true", b"true", b"/"), seals=fcntl.F_SEAL_SHRINK)
    with environment.connect() as connection:
        send(connection, header(SPAWN) + struct.pack("=II", 0, 0), descriptor)
        assert connection.recv(256)[:12] == header(FAILED) + struct.pack("=I", STAGE_REQUEST)
    os.close(descriptor)


def test_well_formed_request_runs(environment: HostEnvironment) -> None:
    """The requests above are refused for what is wrong in them, not for their form."""
    descriptor = sealed(request(b"/bin/false", b"false", b"/"))
    with environment.connect() as connection:
        send(connection, header(SPAWN) + struct.pack("=II", 0, 0), descriptor)
        assert connection.recv(256) == header(EXITED) + struct.pack("=i", 1 << 8)
    os.close(descriptor)


@settings(max_examples=100, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, REQUEST.size + 40), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_damage_to_a_request_leaves_the_agent_serving(
    shared_agent: HostEnvironment, flips: list[tuple[int, int]]
) -> None:
    content = bytearray(request(b"/bin/true", b"true", b"A=b", b"/", counts=(1, 1, 1)))
    for position, value in flips:
        content[position % len(content)] = value
    descriptor = sealed(bytes(content))
    with shared_agent.connect() as connection:
        send(connection, header(SPAWN) + struct.pack("=II", 0, 0), descriptor)
        kind = struct.unpack_from("=IHH", connection.recv(256))[2]
    os.close(descriptor)
    assert kind in (STARTED, EXITED, FAILED)


def test_silent_half_and_flooding_clients_disturb_nobody(environment: HostEnvironment) -> None:
    connections = [environment.connect() for _ in range(200)]
    descriptor = sealed(request(b"/bin/true", b"true", b"/", descriptors=2))
    try:
        for connection in connections[::2]:
            send(connection, header(SPAWN) + struct.pack("=II", 2, 0), descriptor, 0)  # one of two descriptors
        assert_serves(environment)
    finally:
        os.close(descriptor)
        for connection in connections:
            connection.close()
    assert_serves(environment)


@pytest.mark.parametrize("kind", [SIGNAL, PONG, EXISTS])
def test_floods_of_those_who_never_read_disturb_nobody(environment: HostEnvironment, kind: int) -> None:
    """Each message of the first and the third kind makes the agent answer."""
    content = struct.pack("=iI", signal.SIGCONT, 0) if kind == SIGNAL else b""
    question = sealed(b"/bin\0" * 1000)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(environment.connect()) for _ in range(8)]
        for client in clients:
            if kind != EXISTS:
                send(client, spawn(b"/bin/sleep", b"sleep", b"1000", b"/", arguments=2))
            client.settimeout(0)
        for round_ in range(20):
            for client in clients:
                with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    for _ in range(100):
                        send(client, header(kind) + content, *[question] * (kind == EXISTS))
            assert environment.run("sh", "-c", f"exit {round_}").returncode == round_
    os.close(question)
    assert_serves(environment)


def test_questions_are_answered_in_order(environment: HostEnvironment, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "program").write_text("")
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "data").write_text("")
    paths = [str(tmp_path), "/nowhere/x", str(tmp_path / "link"), str(tmp_path / "data" / "x")]
    with environment.connect() as connection:
        for kind, question, expected in (
            (EXISTS, paths, b"1020"),
            (GLOB, [f"{tmp_path}/*"], str(tmp_path / "program").encode() + b"\0"),
        ):
            descriptor = sealed(b"".join(os.fsencode(path) + b"\0" for path in question))
            send(connection, header(kind), descriptor)
            os.close(descriptor)
            data, descriptors, _flags, _address = socket.recv_fds(connection, 256, 1)
            assert data == header(ANSWER)
            with open(descriptors[0], "rb") as answer:
                answer.seek(0)
                assert answer.read().endswith(expected)


def test_foreign_user_is_turned_away(own_environment: HostEnvironment) -> None:
    """The socket's mode keeps others out; here it is opened, so that only the credentials are left to do it."""
    for path in (own_environment.runtime, own_environment.runtime / "agent"):
        path.chmod(0o755)
    os.chmod(own_environment.socket_path, 0o666)  # noqa: S103 (that is what is tested)
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(10);"
        f"s.connect({own_environment.socket_path!r}); print(s.recv(1))"
    )
    result = subprocess.run(
        ["/usr/bin/python3", "-c", script],
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, b"b''\n")


def test_ended_programs_are_reaped_and_a_stop_ends_the_agent(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    agent = start_agent(tmp_path)
    try:
        environment = HostEnvironment(tmp_path, tmp_path / "bin", agent)
        environment.link(Link("sh", "/bin/sh"))
        for _ in range(20):
            environment.run("sh", "-c", "exit 3")
        children = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        states = [Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] for child in children]
        assert "Z" not in states
        assert len(children) <= len(os.sched_getaffinity(0))  # the workers
    finally:
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(15) == 0


def test_calls_leave_no_descriptor_behind(own_environment: HostEnvironment) -> None:
    def count() -> int:
        return len(os.listdir(f"/proc/{own_environment.agent.pid}/fd"))

    own_environment.run("true")
    before = count()
    for _ in range(50):
        own_environment.run("true")
    # One for each worker; there are as many as processors at most.
    assert abs(count() - before) <= len(os.sched_getaffinity(0))


def test_a_silent_caller_keeps_nobody_waiting(own_environment: HostEnvironment) -> None:
    silent = [own_environment.connect() for _ in range(20)]
    try:
        for _ in range(5):
            assert own_environment.run("sh", "-c", "exit 7").returncode == 7
    finally:
        for connection in silent:
            connection.close()


def test_a_program_whose_file_hangs_keeps_nobody_else_waiting(own_environment: HostEnvironment, tmp_path: Path) -> None:
    program = tmp_path / "held"
    shutil.copy("/bin/true", program)
    own_environment.link(Link("held", str(program)), Link("sh", "/bin/sh"))
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    lease = os.open(program, os.O_RDONLY)
    try:
        # Whoever opens the file, execve too, waits until the lease is given up (fcntl(2)), as with a dead file server.
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        held = [own_environment.popen("held") for _ in range(5)]
        for _ in range(5):
            assert own_environment.run("sh", "-c", "exit 7").returncode == 7
        assert [process.poll() for process in held] == [None] * 5
        fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        assert [process.wait(30) for process in held] == [0] * 5
    finally:
        os.close(lease)
        signal.signal(signal.SIGIO, before)


def test_workers_end_with_their_agent(tmp_path: Path) -> None:
    """Also one that was forked a moment before, and has not come to say that it wants to."""
    for moment in range(60):
        reader, writer = os.pipe()
        agent = start_agent(tmp_path, stderr=writer)
        os.close(writer)
        for _ in range(moment * 10):
            os.sched_yield()
        agent.kill()
        agent.wait()
        with open(reader, "rb") as held:
            ended, _, _ = select.select([held], [], [], 10)
            assert ended, "a worker is left"
            assert held.read() == b""
