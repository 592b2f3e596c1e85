"""The terminal goes away, or the shell on it dies: who is told, who ends, who goes on.

Natively the kernel and the shell decide that; through an environment it must come out the same. tests/native plays the
scenarios against an agent on the host, integration/conformance against a container.
"""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.native.terminal_scenarios import TIMEOUT_S, UNTIL_STOPPED, Person

__all__ = ["ENDINGS", "Ending", "play_ending"]

# Writes down which signal ends it. A survivor is one that is asked to end by something else: the opening of a FIFO.
WATCHER = """
import os, select, signal, sys
name = sys.argv[1]
log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
asked = {n for n in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN}
signal.pthread_sigmask(signal.SIG_BLOCK, asked)
go = select.poll()
go.register(os.open("go", os.O_RDONLY | os.O_NONBLOCK), 0)
open(f"up.{name}", "w").close()
if name == "survivor":
    go.poll()
    told = [each.name for each in signal.sigpending() if each in asked] or ["went on"]
else:
    told = [signal.Signals(signal.sigwait(asked)).name]
os.write(log, f"{name}: {told[0]}\\n".encode())
"""


def close_terminal(person: Person) -> None:
    """As a closed window does, or sshd when the connection is lost."""
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), person.shell.child_fd)


def kill_shell(person: Person) -> None:
    os.kill(person.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Ending:
    """`line` is typed at a shell, `$W NAME` in it is a watcher. With `stop` Ctrl-Z comes before the end."""

    name: str
    line: str
    end: Callable[[Person], None] = close_terminal
    stop: bool = False


ENDINGS = (
    Ending("the terminal of a program is closed", "$W a"),
    Ending("the terminal of a pipeline is closed", "$W a | $W b"),
    Ending("the terminal of a background job is closed", "$W a &"),
    Ending("the terminal of a stopped job is closed", "$W a", stop=True),
    Ending("the terminal of a script is closed", "sh -c '$W a; echo after >> log'"),
    Ending("the terminal of a program with nohup is closed", "nohup $W survivor > /dev/null 2>&1 & $W a"),
    Ending("the terminal of a session apart is closed", "setsid $W survivor & $W a"),
    Ending("the shell of a program is killed", "$W a", end=kill_shell),
    Ending("the shell of a stopped job is killed", "$W a", end=kill_shell, stop=True),
    Ending("the shell of a background job is killed", "$W survivor &", end=kill_shell),
)


def _await(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not what():
        assert time.monotonic() < deadline
        os.sched_yield()


def _await_end_of_writers(reader: int) -> None:
    poll = select.poll()
    poll.register(reader, select.POLLHUP)
    assert poll.poll(TIMEOUT_S * 1000), "a program is left"


def _let_go_on(fifo: Path) -> None:
    """Have the survivor end, if there is one."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        assert error.errno == errno.ENXIO  # noqa: PT017 (nobody reads it, which the log will show)


def play_ending(ending: Ending, directory: str, here: Path) -> str:
    """Who was told what. `here`, the shell's working directory, is made."""
    here.mkdir()
    here.joinpath("watcher.py").write_text(WATCHER)
    for fifo in ("go", "held"):
        os.mkfifo(here / fifo)
    reader = os.open(here / "held", os.O_RDONLY | os.O_NONBLOCK)
    line = re.sub(r"\$W (\w+)", r"$X/python3 watcher.py \1 9> held", ending.line)
    names = re.findall(r"\$W (\w+)", ending.line)
    person = Person("bash", directory, here)
    try:
        person.see("$ ")
        person.type(f"{line}\n")
        for name in names:
            _await(here.joinpath(f"up.{name}").exists)
        if ending.stop:
            person.type("\x1a")
            person.see("$ ")
            person.run(UNTIL_STOPPED)
        ending.end(person)
        os.waitid(os.P_PID, person.pid, os.WEXITED | os.WNOWAIT)
        if "survivor" in names:
            _await(lambda: len(names) == 1 or "a: " in here.joinpath("log").read_text())
            _let_go_on(here / "go")
        _await_end_of_writers(reader)
    finally:
        person.close()
        os.close(reader)
    return "".join(sorted(here.joinpath("log").read_text().splitlines(keepends=True)))
