"""Which processes below an agent are programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv.processes import is_idle, programs_below

# The shell runs in the name of the file that it is: `agent` starts others of that name, and then waits for its input.
BELOW = {
    "nothing": "",
    "a worker": "./agent -c 'echo; read x' &",
    "a keeper with a worker": "./agent -c './agent -c \"echo; read x\" & read x' &",
}
PROGRAM = "./program -c 'echo; read x' &"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("agent", "program"):
        shutil.copy(shutil.which("dash") or "/bin/sh", tmp_path / name)
    return tmp_path


@pytest.fixture
def hold() -> Iterator[int]:
    """A pipe's end to read from, on which nothing comes until the test is over."""
    reading, writing = os.pipe()
    yield reading
    os.close(writing)
    os.close(reading)


def start(directory: Path, script: str, hold: int) -> subprocess.Popen[bytes]:
    """An agent that has started what is in the script, each of which has written a line."""
    agent = subprocess.Popen(
        ["./agent", "-c", f"exec 3<&0; {script.replace('&', '<&3 &')} read x"],
        cwd=directory,
        stdin=hold,
        stdout=subprocess.PIPE,
    )
    assert agent.stdout is not None
    for _ in range(script.count("echo")):
        assert agent.stdout.readline() == b"\n"
    return agent


@pytest.mark.parametrize("helpers", BELOW.values(), ids=BELOW)
@pytest.mark.parametrize("program", ["", PROGRAM], ids=["idle", "busy"])
def test_helpers_of_the_agent_are_no_programs(directory: Path, hold: int, helpers: str, program: str) -> None:
    with start(directory, helpers + program, hold) as agent:
        found = [name for _, name in programs_below(agent.pid)]
        idle = is_idle(agent.pid)
        subprocess.run(["pkill", "-P", str(agent.pid)], check=False)
        agent.kill()
    assert (found, idle) == ((["program"], False) if program else ([], True))


def test_program_with_the_agents_name_is_one_where_a_program_has_started_it(directory: Path, hold: int) -> None:
    with start(directory, "./program -c './agent -c \"echo; read x\" & read x' &", hold) as agent:
        found = [name for _, name in programs_below(agent.pid)]
        agent.kill()
    assert sorted(found) == ["agent", "program"]


def test_agent_that_is_gone_has_no_programs_and_is_not_known_to_be_idle() -> None:
    with subprocess.Popen(["true"]) as ended:
        pass
    assert (programs_below(ended.pid), is_idle(ended.pid)) == ((), False)
