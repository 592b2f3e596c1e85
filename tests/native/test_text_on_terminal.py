"""Text back to the host on a terminal: the program keeps its terminal, whose keeper maps what it shows."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
from collections.abc import Iterator

import pytest

from cleanenv.model.link import Link
from tests.native.conftest import USUAL, HostEnvironment
from tests.native.test_text import MOUNTS, variables

TIMEOUT_S = 30


class Terminal:
    """A terminal of the host, with nobody at it but the programs that a test runs."""

    def __init__(self, environment: HostEnvironment) -> None:
        self.environment = environment
        self.main, self.inner = os.openpty()

    def start(self, name: str, *arguments: str, text: str) -> subprocess.Popen[bytes]:
        streams = {"stdin": self.inner, "stdout": self.inner, "stderr": self.inner}
        return self.environment.popen(name, *arguments, env=variables(text), **streams)

    def shows(self, text: bytes) -> None:
        """Read until that is there, and nothing else."""
        seen = b""
        while seen != text:
            assert select.select([self.main], [], [], TIMEOUT_S)[0], seen
            seen += os.read(self.main, 4096)
            assert text.startswith(seen), seen

    def runs(self, script: str, text: str) -> bytes:
        """What is on the terminal when the call of a Python script has ended."""
        with self.start("python3", "-u", "-c", script, text=text) as process:
            seen = b""
            while process.poll() is None:
                if select.select([self.main], [], [], 0.01)[0]:
                    seen += os.read(self.main, 4096)
        while select.select([self.main], [], [], 0)[0]:
            seen += os.read(self.main, 4096)
        assert process.returncode == 0, seen
        return seen


@pytest.fixture
def terminal(environment: HostEnvironment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.chdir("/")  # as in test_text
    environment.link(*USUAL, Link("yes", "/usr/bin/yes"), mounts=MOUNTS)
    terminal = Terminal(environment)
    yield terminal
    for descriptor in (terminal.main, terminal.inner):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_program_has_its_terminal_and_the_text_is_mapped(terminal: Terminal) -> None:
    script = "import os; os.write(2, b'%d %d /work/a.c:1: error\\n' % (os.isatty(1), os.isatty(2)))"
    assert terminal.runs(script, "stderr") == b"1 1 /home/u/proj/a.c:1: error\r\n"


def test_calls_after_it_are_not_mapped(terminal: Terminal) -> None:
    script = "print('/work/a')"
    shown = [terminal.runs(script, text) for text in ("off", "both", "off", "stdout", "off")]
    assert shown == [b"/work/a\r\n", b"/home/u/proj/a\r\n", b"/work/a\r\n", b"/home/u/proj/a\r\n", b"/work/a\r\n"]


def test_last_words_are_there_when_the_call_ends(terminal: Terminal) -> None:
    for last in (b"/wor", b"/", b"/work\r", b"/work\n"):
        expected = last.replace(b"/work", b"/home/u/proj").replace(b"\n", b"\r\n")
        for _ in range(4):
            assert terminal.runs(f"import os; os.write(2, {last!r})", "stderr") == expected


def test_order_of_the_streams_is_kept(terminal: Terminal) -> None:
    script = "import os\nfor i in range(3000): os.write(1 + i % 2, b'/work/%d\\n' % i)"
    assert terminal.runs(script, "stderr") == b"".join(b"/home/u/proj/%d\r\n" % number for number in range(3000))


def test_prompt_comes_while_the_program_waits(terminal: Terminal) -> None:
    script = (
        "import os, tty\n"
        "tty.setraw(0)\n"
        "for prompt in (b'name? ', b'/wor', b'/work', b'/', b'x\\r'):\n"
        "    os.write(2, prompt)\n"
        "    os.read(0, 1)\n"
    )
    with terminal.start("python3", "-c", script, text="both") as process:
        for prompt in (b"name? ", b"/wor", b"/work", b"/", b"x\r"):
            terminal.shows(prompt)
            os.write(terminal.main, b"x")
    assert process.returncode == 0


def test_colours_stay(terminal: Terminal) -> None:
    script = "print('\\x1b[01m\\x1b[K/work/x.c:1:\\x1b[m\\x1b[K error', end='')"
    assert terminal.runs(script, "both") == b"\x1b[01m\x1b[K/home/u/proj/x.c:1:\x1b[m\x1b[K error"


def test_more_than_the_terminal_takes_at_once(terminal: Terminal) -> None:
    script = "import os\nfor i in range(400): os.write(1, b'/work/a /r/x\\n' * 100)"
    assert terminal.runs(script, "stdout") == b"/home/u/proj/a /x\r\n" * 40000


def test_what_is_redirected_is_mapped_by_itself(terminal: Terminal) -> None:
    """One stream is the terminal, the other a pipe."""
    process = terminal.environment.popen(
        "sh", "-c", "echo /work/out; echo /work/err >&2",
        env=variables("both"), stdin=subprocess.DEVNULL, stdout=terminal.inner, stderr=subprocess.PIPE,
    )  # fmt: skip
    terminal.shows(b"/home/u/proj/out\r\n")
    assert process.communicate(timeout=TIMEOUT_S)[1] == b"/home/u/proj/err\n"
