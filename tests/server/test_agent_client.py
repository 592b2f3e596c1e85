"""The client against an agent in a thread, well-behaved and not, and against the real one."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleanenv.agent.client import AgentAbsentError, AgentClient
from cleanenv.agent.wire import QUESTION_MAX, Match, Presence
from cleanenv.errors import AgentError
from tests.server.fake_agent import ALL_SEALS, HOME, FakeAgent, Reply, header, match_bytes, sealed

FILES = {"/usr/bin/gcc": 10**18 + 1, "/usr/bin/g++": 2, "/usr/local/bin/a[b": 3, f"{HOME}/.local/bin/x": 4}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "a.sock")


@pytest.fixture
def agent(path: str) -> Iterator[FakeAgent]:
    with FakeAgent(path, dict(FILES)) as agent:
        yield agent


@pytest.fixture
def client(path: str) -> Iterator[AgentClient]:
    client = AgentClient(path, 5.0)
    yield client
    client.close()


@pytest.fixture
def impatient(path: str) -> Iterator[AgentClient]:
    client = AgentClient(path, 0.05)
    yield client
    client.close()


def test_glob_gives_the_matches_of_each_pattern(agent: FakeAgent, client: AgentClient) -> None:
    found = client.glob(["~/.local/bin/*", "/usr/bin/none", "/usr/bin/g*", "/usr/local/bin/a\\[b"])

    assert [(m.pattern, m.path, m.mtime_ns) for m in found] == [
        (0, f"{HOME}/.local/bin/x", 4),
        (2, "/usr/bin/g++", 2),
        (2, "/usr/bin/gcc", 10**18 + 1),
        (3, "/usr/local/bin/a[b", 3),
    ]
    assert len(agent.questions) == 1


def test_exists_tells_of_each_path(agent: FakeAgent, client: AgentClient) -> None:
    assert client.exists(["/usr/bin/gcc", "/none"]) == (Presence.PRESENT, Presence.ABSENT)
    assert agent.questions == [(4, ["/usr/bin/gcc", "/none"])]


def test_nothing_is_asked_about_nothing(client: AgentClient) -> None:
    assert (client.glob([]), client.exists([])) == ((), ())


def test_one_connection_serves_many_questions(agent: FakeAgent, client: AgentClient) -> None:
    for _ in range(3):
        client.glob(["/usr/bin/gcc"])

    assert (len(agent.questions), agent.connections) == (3, 1)


def test_a_large_listing_arrives_whole(agent: FakeAgent, client: AgentClient) -> None:
    agent.files = {f"/usr/bin/{number:05}-{'n' * 200}": number for number in range(20_000)}

    assert len(client.glob(["/usr/bin/*"])) == 20_000


def test_an_agent_that_was_started_again_is_asked_without_an_error(
    agent: FakeAgent, client: AgentClient, path: str
) -> None:
    client.glob(["/usr/bin/gcc"])
    agent.stop()

    with FakeAgent(path, {"/usr/bin/gcc": 77}) as successor:
        assert [m.mtime_ns for m in client.glob(["/usr/bin/gcc"])] == [77]
        assert successor.connections == 1


def test_without_an_agent_the_absence_is_told_at_once(client: AgentClient) -> None:
    with pytest.raises(AgentAbsentError):
        client.glob(["/usr/bin/gcc"])


def test_a_socket_that_a_killed_container_left_is_an_absence(agent: FakeAgent, client: AgentClient) -> None:
    client.glob(["/usr/bin/gcc"])
    agent.stop()

    with pytest.raises(AgentAbsentError):
        client.glob(["/usr/bin/gcc"])


def test_an_agent_that_appears_later_is_found(client: AgentClient, path: str) -> None:
    with pytest.raises(AgentAbsentError):
        client.glob(["/usr/bin/gcc"])

    with FakeAgent(path, {"/usr/bin/gcc": 1}):
        assert len(client.glob(["/usr/bin/gcc"])) == 1


def test_a_silent_agent_costs_the_timeout_and_no_more(agent: FakeAgent, impatient: AgentClient) -> None:
    agent.reply = lambda _kind, _texts: None
    start = time.monotonic()

    with pytest.raises(AgentError, match=r"no answer within 0\.05 s"):
        impatient.glob(["/usr/bin/gcc"])

    assert 0.05 <= time.monotonic() - start < 2


def test_a_late_answer_is_not_taken_for_the_next_one(agent: FakeAgent, impatient: AgentClient) -> None:
    agent.reply = lambda _kind, _texts: None
    with pytest.raises(AgentError):
        impatient.glob(["/usr/bin/gcc"])
    agent.reply = agent.answer

    assert impatient.exists(["/usr/bin/gcc"]) == (Presence.PRESENT,)
    assert agent.connections == 2


def test_an_agent_that_does_not_accept_is_a_silent_one(path: str, impatient: AgentClient) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as first:
            first.connect(path)  # the queue is full now
            with pytest.raises(AgentError, match="no answer"):
                impatient.glob(["/x"])


def test_an_agent_that_hangs_up_each_time_is_an_error(agent: FakeAgent, client: AgentClient) -> None:
    client.glob(["/usr/bin/gcc"])
    agent.reply = lambda _kind, _texts: (b"", [])

    with pytest.raises(AgentError, match="closed the connection"):
        client.glob(["/usr/bin/gcc"])
    assert agent.connections == 2


def pipe_end() -> int:
    reader, writer = os.pipe()
    os.close(writer)
    return reader


def huge() -> int:
    descriptor = os.memfd_create("huge", os.MFD_ALLOW_SEALING)
    os.truncate(descriptor, QUESTION_MAX + 1)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, ALL_SEALS)
    return descriptor


MALFORMED: dict[str, Callable[[], Reply]] = {
    "no descriptor": lambda: (header(), []),
    "two descriptors": lambda: (header(), [sealed(b""), sealed(b"")]),
    "as many descriptors as a packet holds": lambda: (header(), [sealed(b"") for _ in range(250)]),
    "a pipe": lambda: (header(), [pipe_end()]),
    "a directory": lambda: (header(), [os.open("/", os.O_RDONLY)]),
    "a device": lambda: (header(), [os.open("/dev/zero", os.O_RDONLY)]),
    "an unsealed memfd": lambda: (header(), [sealed(b"", 0)]),
    "a memfd that can be written": lambda: (header(), [sealed(b"", ALL_SEALS & ~fcntl.F_SEAL_WRITE)]),
    "a memfd that is too large": lambda: (header(), [huge()]),
    "another magic": lambda: (header(magic=0), [sealed(b"")]),
    "another version": lambda: (header(version=9), [sealed(b"")]),
    "another type": lambda: (header(kind=17), [sealed(b"")]),
    "a packet that is too long": lambda: (header() + bytes(300), [sealed(b"")]),
    "a packet that is too short": lambda: (header()[:3], [sealed(b"")]),
    "a cut match": lambda: (header(), [sealed(match_bytes(0, "/x")[:-1])]),
    "a pattern that was not asked": lambda: (header(), [sealed(match_bytes(7, "/x"))]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_answer_is_an_error_and_leaks_nothing(agent: FakeAgent, client: AgentClient, name: str) -> None:
    client.glob(["/usr/bin/gcc"])
    agent.reply = lambda _kind, _texts: MALFORMED[name]()
    open_before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(AgentError) as caught:
        client.glob(["/usr/bin/gcc"])

    assert not isinstance(caught.value, AgentAbsentError)
    agent.reply = agent.answer
    assert len(client.glob(["/usr/bin/gcc"])) == 1  # over a new connection
    agent.stop()
    client.close()
    # Both ends of the connection, the agent's listener and its wake-up pipe are closed now.
    assert len(os.listdir("/proc/self/fd")) <= open_before


def test_a_socket_path_that_is_too_long_is_told_before_it_is_used() -> None:
    with pytest.raises(AgentError, match="at most 107 bytes"):
        AgentClient("/tmp/" + 103 * "x", 1.0)
    AgentClient("/tmp/" + 102 * "x", 1.0).close()


AGENT = Path(__file__).parents[2] / "cleanenv" / "native" / "agent"


@pytest.fixture
def real_agent(tmp_path: Path, path: str) -> Iterator[Path]:
    """The agent as built, on the host: the container is the host's own file system."""
    home = tmp_path / "home"
    home.mkdir()
    user = ["--owner", str(os.getuid()), "--user", "tester", "--uid", str(os.getuid())]
    group = ["--home", str(home), "--group", f"tester:{os.getgid()}"]
    process = subprocess.Popen([str(AGENT), "--socket", path, *user, *group], start_new_session=True)
    try:
        deadline = time.monotonic() + 10
        while not os.path.exists(path):  # it has no other way to say that it listens
            assert process.poll() is None, "the agent ended"
            assert time.monotonic() < deadline, "the agent does not listen"
            time.sleep(0.005)
        yield home
    finally:
        process.terminate()
        process.wait()


def test_the_real_agent_finds_programs_by_name_and_by_pattern(real_agent: Path, client: AgentClient) -> None:
    files = real_agent / "bin"
    files.mkdir()
    for name, mode in (
        ("a*b", 0o755),
        ("axb", 0o755),
        ("data", 0o644),
        (".hidden", 0o755),
        ("back\\slash", 0o700),
    ):
        (files / name).write_bytes(b"12345")
        (files / name).chmod(mode)
        os.utime(files / name, ns=(0, 10**18 + 9))
    (files / "directory").mkdir()
    (files / "dangling").symlink_to("nowhere")
    (files / "link").symlink_to("axb")

    found = client.glob(["~/bin/*", "~/bin/a\\*b", "~/bin/data", f"{files}/back\\\\slash", "/none/*"])

    assert [(m.pattern, m.path) for m in found] == [
        (0, f"{files}/a*b"),
        (0, f"{files}/axb"),
        (0, f"{files}/back\\slash"),
        (0, f"{files}/link"),
        (1, f"{files}/a*b"),
        (3, f"{files}/back\\slash"),
    ]
    assert found[0] == Match(0, f"{files}/a*b", 0o100755, 5, 10**18 + 9)


def test_the_real_agent_knows_names_that_are_not_utf8(real_agent: Path, client: AgentClient) -> None:
    name = os.fsdecode(b"\xff\xfe")
    (real_agent / name).touch(0o755)

    assert [m.path for m in client.glob(["~/*", f"~/{name}"])] == [str(real_agent / name)] * 2


def test_the_real_agent_tells_what_exists(real_agent: Path, client: AgentClient) -> None:
    (real_agent / "link").symlink_to("nowhere")

    assert client.exists([str(real_agent), str(real_agent / "link"), str(real_agent / "none")]) == (
        Presence.PRESENT,
        Presence.SYMLINK,
        Presence.ABSENT,
    )


def test_the_real_agent_has_an_empty_answer_for_no_match(real_agent: Path, client: AgentClient) -> None:
    assert real_agent.is_dir()
    assert client.glob(["/none/*"]) == ()
