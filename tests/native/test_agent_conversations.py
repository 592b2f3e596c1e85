"""Clients that say anything in any order to the real agent, or to a terminal's keeper, while a call beside them runs.

A model of each connection says what must come back: a client that keeps to the protocol gets its answers whatever the
others do, and one that does not is cut off.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.native.conftest import HostEnvironment
from tests.native.packets import (
    ANSWER,
    CONTINUED,
    DESCRIPTORS,
    EXISTS,
    EXITED,
    FAILED,
    FOREGROUND,
    PING,
    PONG,
    SIGNAL,
    SPAWN,
    STARTED,
    STOPPED,
    TERMINAL,
    header,
    kind_of,
    number_in,
    sealed,
    send,
    spawn,
)

TIMEOUT_S = 20
ROUNDS = 500
FLOOD = 500  # packets: more than a socket holds unread
TIOCGDEV = 0x80045432

sessions = itertools.count(1)  # a keeper's name is never used again

# Numbers that no program survives by default, and none that leaves a core.
DEADLY = st.sampled_from((signal.SIGTERM, signal.SIGKILL, signal.SIGHUP, signal.SIGUSR1, signal.SIGRTMAX))
TEXT = st.binary(max_size=300)
KINDS = st.integers(0, 24)


@dataclass(frozen=True, slots=True)
class Client:
    """A connection and the number that makes its process group one of its own."""

    connection: socket.socket
    group: int

    def send(self, packet: bytes, *descriptors: int) -> None:
        """The agent may have cut it off already."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            send(self.connection, packet, *descriptors)

    def signal(self, number: int) -> None:
        self.send(header(SIGNAL) + struct.pack("=iI", number, 0))

    def receive(self) -> bytes:
        """The next packet that is no PING, or nothing at the end."""
        try:
            packet = self.connection.recv(256)
            while packet and kind_of(packet) == PING:
                packet = self.connection.recv(256)
        except ConnectionResetError:
            return b""
        return packet

    def assert_cut_off(self) -> None:
        """Perhaps after an answer to what it said before."""
        while packet := self.receive():
            assert kind_of(packet) in (FAILED, EXITED, STOPPED, CONTINUED, ANSWER)
        self.connection.close()

    def ask(self, path: bytes, expected: bytes) -> None:
        question = sealed(path + b"\0")
        send(self.connection, header(EXISTS), question)
        os.close(question)
        packet, descriptors, _flags, _address = socket.recv_fds(self.connection, 256, 1)
        assert packet == header(ANSWER)
        with open(descriptors[0], "rb") as answer:
            answer.seek(0)
            assert answer.read() == expected


def any_of(*bundles: Bundle[Client]) -> st.SearchStrategy[Client]:
    """One of them, which is not used again."""
    return st.one_of([consumes(bundle) for bundle in bundles])


class Conversations(RuleBasedStateMachine):
    """A client is new, has a call that runs, or asks questions; each of the three may be ended by a wrong word."""

    new: Bundle[Client] = Bundle("new")
    calling: Bundle[Client] = Bundle("calling")
    asking: Bundle[Client] = Bundle("asking")

    def __init__(self, environment: HostEnvironment) -> None:
        super().__init__()
        self.environment = environment
        self.groups = itertools.count(1)
        self.clients: list[Client] = []
        self.witness = environment.popen("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.terminal, self.keeper = open_keeper(environment)

    def teardown(self) -> None:
        for client in self.clients:
            client.connection.close()
        os.close(self.terminal)
        self.witness.communicate(timeout=TIMEOUT_S)
        assert self.witness.returncode == 0
        assert self.environment.run("sh", "-c", "exit 7").returncode == 7

    @invariant()
    def the_witness_is_well(self) -> None:
        assert self.witness.stdin is not None
        assert self.witness.stdout is not None
        self.witness.stdin.write(b"still here\n")
        self.witness.stdin.flush()
        assert self.witness.stdout.readline() == b"still here\n"
        assert self.environment.agent.poll() is None

    @rule(target=new, at_keeper=st.booleans())
    def connect(self, at_keeper: bool) -> Client:  # noqa: FBT001 (hypothesis names it)
        connection = connect_to(self.keeper) if at_keeper else self.environment.connect()
        connection.settimeout(TIMEOUT_S)
        client = Client(connection, next(self.groups))
        self.clients.append(client)
        return client

    @rule(client=consumes(new), code=st.integers(0, 255))
    def run_to_the_end(self, client: Client, code: int) -> None:
        client.send(spawn(b"/bin/sh", b"sh", b"-c", b"exit %d" % code, b"/", arguments=3, group=client.group))
        packet = client.receive()
        assert (kind_of(packet), number_in(packet)) == (EXITED, code << 8)
        client.assert_cut_off()

    @rule(target=calling, client=consumes(new))
    def begin_a_call(self, client: Client) -> Client:
        client.send(spawn(b"/bin/sleep", b"sleep", b"1000", b"/", arguments=2, group=client.group))
        return client

    @rule(client=calling, kind=st.sampled_from((PONG, FOREGROUND)))
    def speak_of_itself(self, client: Client, kind: int) -> None:
        client.send(header(kind))

    @rule(client=calling)
    def stop_and_continue(self, client: Client) -> None:
        client.send(header(PONG))  # whoever is silent for long is stopped already
        client.signal(signal.SIGSTOP)
        packet = client.receive()
        assert (kind_of(packet), number_in(packet)) == (STOPPED, signal.SIGSTOP)
        client.signal(signal.SIGCONT)
        assert client.receive() == header(CONTINUED)

    @rule(client=consumes(calling), number=DEADLY)
    def end_the_call(self, client: Client, number: int) -> None:
        client.signal(number)
        packet = client.receive()
        assert (kind_of(packet), number_in(packet)) == (EXITED, number)
        client.assert_cut_off()

    @rule(target=asking, client=consumes(new))
    def begin_to_ask(self, client: Client) -> Client:
        client.ask(b"/nowhere/at/all", b"0")
        return client

    @rule(client=asking)
    def ask_again(self, client: Client) -> None:
        client.ask(b"/", b"1")

    @rule(client=any_of(new, calling, asking), kind=KINDS, text=TEXT, count=st.integers(0, 4))
    def say_something_wrong(self, client: Client, kind: int, text: bytes, count: int) -> None:
        client.send(header(kind) + b"\0" + text, *[0] * count)  # no message is 9 bytes long, or names that many
        client.assert_cut_off()

    @rule(client=any_of(new, calling, asking), text=TEXT)
    def say_something_that_is_no_message(self, client: Client, text: bytes) -> None:
        client.send(b"?" + text)
        client.assert_cut_off()

    @rule(client=consumes(new), kind=st.sampled_from((SIGNAL, DESCRIPTORS, PONG, EXITED, STARTED, TERMINAL)))
    def begin_with_what_may_only_follow(self, client: Client, kind: int) -> None:
        client.send(header(kind) + bytes({SIGNAL: 8, EXITED: 4, TERMINAL: 8}.get(kind, 0)))
        client.assert_cut_off()

    @rule(client=consumes(new), promised=st.integers(1, 1000))
    def say_half(self, client: Client, promised: int) -> None:
        """It stays, and is forgotten: the agent waits for the rest."""
        client.send(header(SPAWN) + struct.pack("=II", promised, 0))

    @rule(client=any_of(calling, asking), kind=st.sampled_from((PONG, EXISTS, SIGNAL)))
    def flood(self, client: Client, kind: int) -> None:
        """As fast as it gets rid of them, without ever reading what comes back."""
        question = sealed(b"/\0")
        content = struct.pack("=iI", signal.SIGCONT, 0) if kind == SIGNAL else b""
        client.connection.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            for _ in range(FLOOD):
                client.send(header(kind) + content, *[question] * (kind == EXISTS))
        os.close(question)

    @rule(client=any_of(new, calling, asking))
    def leave(self, client: Client) -> None:
        client.connection.close()


def connect_to(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.settimeout(TIMEOUT_S)
    connection.connect(str(path))
    return connection


def open_keeper(environment: HostEnvironment) -> tuple[int, Path]:
    """A terminal, whose keeper ends when the descriptor is closed, and the keeper's socket."""
    master, slave = os.openpty()
    device = struct.unpack("=I", fcntl.ioctl(slave, TIOCGDEV, bytes(4)))[0]
    session = next(sessions)
    leader = os.pidfd_open(os.getpid())
    with environment.connect() as connection:
        send(connection, header(TERMINAL) + struct.pack("=Ii", device, session), slave, leader)
        assert connection.recv(256) == header(STARTED)
    os.close(slave)
    os.close(leader)
    return master, Path(environment.socket_path).with_name(f"terminal-{device}-{session}.sock")


def what_there_is(environment: HostEnvironment) -> tuple[int, int]:
    """Descriptors of the agent, and processes: itself, keepers, workers."""
    name = os.fsencode(environment.socket_path)
    processes = 0
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            processes += name in file.read_bytes()
    return len(os.listdir(f"/proc/{environment.agent.pid}/fd")), processes


def test_whoever_speaks_in_any_order_disturbs_nobody(shared_agent: HostEnvironment) -> None:
    shared_agent.run("true")
    before = what_there_is(shared_agent)
    run_state_machine_as_test(
        lambda: Conversations(shared_agent),  # type: ignore[arg-type] # it is only ever called
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    # The last ones are still on their way out: each call is a round of the agent's loop.
    workers = len(os.sched_getaffinity(0))  # there may have been fewer before
    after = what_there_is(shared_agent)
    for _ in range(ROUNDS):
        if all(now - then <= workers for now, then in zip(after, before, strict=True)):
            return
        shared_agent.run("true")
        after = what_there_is(shared_agent)
    raise AssertionError(f"descriptors and processes: {before} before, {after} after")
