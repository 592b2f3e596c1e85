"""The book of sessions: who counts, who does not, and what outlives the server."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleanenv.errors import UsageError
from cleanenv.server.sessions import HostProcesses, SessionBook
from cleanenv.sessions import Session, active_sessions, load_sessions, save_sessions, start_time

ME = 1000
Make = Callable[[], SessionBook]


class FakeProcesses:
    """Processes by their ids, each with its time of start and its owner. `end` makes their descriptors readable."""

    def __init__(self) -> None:
        self.running: dict[int, tuple[int, int]] = {}
        self.has_descriptors = True
        self._ends: dict[int, int] = {}

    def start(self, pid: int, start_time: int, owner: int = ME) -> None:
        self.running[pid] = start_time, owner

    def end(self, pid: int) -> None:
        del self.running[pid]
        if pid in self._ends:
            os.close(self._ends.pop(pid))

    def start_time(self, pid: int) -> int | None:
        return self.running[pid][0] if pid in self.running else None

    def owner(self, pid: int) -> int | None:
        return self.running[pid][1] if pid in self.running else None

    def watch(self, pid: int) -> int | None:
        if not self.has_descriptors or pid not in self.running:
            return None
        watch, self._ends[pid] = os.pipe()
        return watch


@pytest.fixture
def processes() -> FakeProcesses:
    processes = FakeProcesses()
    processes.start(10, 500)
    processes.start(11, 501)
    return processes


@pytest.fixture
def make(tmp_path: Path, processes: FakeProcesses) -> Make:
    """A server's book of one environment; made again, that of the next server."""
    return lambda: SessionBook(tmp_path / "sessions", ME, processes)


def is_told(book: SessionBook) -> bool:
    """Whether a wait for the ends of the sessions would return."""
    poll = select.poll()
    book.register(poll)
    return bool(poll.poll(0))


def test_one_leaves_and_the_other_goes_on(make: Make) -> None:
    book = make()
    book.enter(10)
    book.enter(11)

    assert not book.leave(10)
    assert [session.pid for session in book.sessions] == [11]
    assert book.leave(11)
    assert not book.sessions


def test_entering_twice_is_left_once(make: Make) -> None:
    book = make()
    book.enter(10)
    book.enter(10)

    assert book.leave(10)
    assert not book.leave(10)


def test_who_was_never_in_it_was_not_the_last(make: Make) -> None:
    assert not make().leave(10)
    assert not make().remove_ended()


def test_the_end_of_a_shell_is_heard_and_ends_its_session(make: Make, processes: FakeProcesses) -> None:
    book = make()
    book.enter(10)
    book.enter(11)
    assert (is_told(book), book.is_watched) == (False, True)

    processes.end(10)
    assert is_told(book)
    assert not book.remove_ended()
    assert not is_told(book)
    processes.end(11)
    assert book.remove_ended()


def test_another_process_under_the_same_number_is_no_session(make: Make, processes: FakeProcesses) -> None:
    book = make()
    book.enter(10)
    processes.end(10)
    processes.start(10, 900)

    assert book.remove_ended()
    assert book.sessions == ()


def test_a_new_shell_under_the_number_of_a_dead_one_is_a_session_of_its_own(
    make: Make, processes: FakeProcesses
) -> None:
    book = make()
    book.enter(10)
    processes.end(10)
    processes.start(10, 900)
    book.enter(10)

    assert not book.remove_ended()
    assert book.sessions == (Session(10, 900),)


def test_sessions_outlive_their_server(make: Make, processes: FakeProcesses) -> None:
    make().enter(10)
    book = make()
    assert book.sessions == (Session(10, 500),)
    assert not book.remove_ended()

    processes.end(10)
    assert is_told(book)
    assert book.remove_ended()
    assert make().sessions == ()


def test_a_shell_that_ended_while_there_was_no_server_leaves_with_the_next(
    make: Make, processes: FakeProcesses
) -> None:
    make().enter(10)
    processes.end(10)
    processes.start(10, 900)  # and its number is in use again
    book = make()

    assert book.remove_ended()
    assert not book.remove_ended()


def test_without_descriptors_of_the_kernel_the_book_says_so(make: Make, processes: FakeProcesses) -> None:
    processes.has_descriptors = False
    book = make()
    book.enter(10)
    assert not book.is_watched
    processes.end(10)
    assert book.remove_ended()


@pytest.mark.parametrize(("pid", "why"), [(12, "there is no such process"), (13, "it is another user's process")])
def test_only_a_process_of_the_user_can_enter(make: Make, processes: FakeProcesses, pid: int, why: str) -> None:
    processes.start(13, 7, owner=1001)
    book = make()
    with pytest.raises(UsageError) as caught:
        book.enter(pid)
    assert (caught.value.what, caught.value.why) == (f"session of process {pid}", why)
    assert book.sessions == ()


def test_a_session_that_cannot_be_recorded_is_none(tmp_path: Path, make: Make) -> None:
    (tmp_path / "sessions").mkdir()
    book = make()
    with pytest.raises(OSError, match="Is a directory"):
        book.enter(10)
    assert book.sessions == ()


@pytest.mark.parametrize(
    "text", ["", "{", "7", "null", "[[1]]", "[[1, true]]", "[[0, 5]]", "[[1, -5]]", '[["1", 5]]', "[" * 100000]
)
def test_a_damaged_record_records_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "sessions").write_text(text)
    assert load_sessions(tmp_path / "sessions") == ()


def test_the_record_is_the_users_own_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "sessions"
    save_sessions(path, [Session(10, 500)])
    assert (json.loads(path.read_text()), path.stat().st_mode & 0o777) == ([[10, 500]], 0o600)
    assert load_sessions(path) == (Session(10, 500),)
    assert os.listdir(tmp_path) == ["sessions"]


# The processes of this host


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


def test_a_process_has_its_time_of_start_until_it_has_ended(child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    host = HostProcesses()
    start = host.start_time(child.pid)
    assert start is not None
    assert host.owner(child.pid) == os.geteuid()
    save_sessions(tmp_path / "sessions", [Session(child.pid, start), Session(child.pid, start - 1)])
    assert active_sessions(tmp_path / "sessions") == (Session(child.pid, start),)

    watch = host.watch(child.pid)
    assert watch is not None
    child.kill()
    try:
        assert select.select([watch], [], [], 10)[0] == [watch]
    finally:
        os.close(watch)
    assert start_time(child.pid) is None  # nobody has waited for it yet
    child.wait()
    assert (host.start_time(child.pid), host.owner(child.pid), host.watch(child.pid)) == (None, None, None)
    assert active_sessions(tmp_path / "sessions") == ()


def test_a_name_may_look_like_the_rest_of_the_line(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "1000"]) as process:
        try:
            assert start_time(process.pid) is not None
        finally:
            process.kill()
