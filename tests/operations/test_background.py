"""Work that goes on in a copy of the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cleanenv.errors import EngineError
from cleanenv.files import is_locked, locked
from cleanenv.operations import background

COMMAND = """
import sys
from pathlib import Path
from cleanenv.operations import background

print("answer")
background.run(lambda: print(sys.stdin.read(), Path(sys.argv[1]).read_text(), flush=True), Path(sys.argv[2]))
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def ended(log: Path, work: object) -> str:
    """What is in the log when the copy has ended, whose parent is this process."""
    background.run(work, log)  # type: ignore[arg-type]
    _, status = os.wait()
    assert status == 0
    return log.read_text()


def test_answer_is_there_before_the_work_is_done(tmp_path: Path, log: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, gate, log], input="typed", capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("answer\n", "")
    gate.write_text("done")
    while not log.read_text().endswith("\n"):
        os.sched_yield()
    assert log.read_text() == " done\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_locks_are_held_until_it_is_done(tmp_path: Path, log: Path) -> None:
    gate, lock = tmp_path / "gate", tmp_path / "lock"
    os.mkfifo(gate)

    def wait() -> None:
        gate.read_text()

    with locked(lock):
        background.run(wait, log)
    assert is_locked(lock)
    gate.write_text("go on")
    os.wait()
    assert not is_locked(lock)


def test_it_is_out_of_reach_of_the_terminal(log: Path) -> None:
    assert ended(log, lambda: os.write(1, b"%d" % (os.getsid(0) == os.getpid()))) == "1"


def test_errors_are_in_the_log(log: Path) -> None:
    def fail() -> None:
        raise EngineError("container", "it is gone", "docker ps")

    assert ended(log, fail) == "cleanenv: container: it is gone\n"


def test_defect_is_in_the_log_and_goes_no_further(log: Path) -> None:
    assert ended(log, lambda: 1 // 0).endswith("ZeroDivisionError: integer division or modulo by zero\n")
