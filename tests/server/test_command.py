"""How the server has a command of cleanenv done by a child."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from cleanenv.errors import EngineError
from cleanenv.server.command import Command
from cleanenv.server.control_server import END_SIGNALS


def starter(program: str, timeout_s: float = 30.0, **variables: str) -> Command:
    return Command("start of the container", (sys.executable, "-S", "-c", program), variables, timeout_s)


def failure(starter: Command) -> tuple[str, str, str | None]:
    with pytest.raises(EngineError) as caught:
        starter.run()
    return caught.value.what, caught.value.why, caught.value.hint


def test_a_child_that_succeeds_has_started_the_container() -> None:
    starter("print('anything')").run()


def test_what_it_warns_of_is_passed_on() -> None:
    program = r"print('pulling\ncleanenv: on-activate x: it failed: see log\n\ncleanenv: two')"
    assert starter(program).run() == ("on-activate x: it failed: see log", "two")


def test_the_childs_error_is_passed_on() -> None:
    program = r"""
import sys
sys.exit("pulling\ncleanenv: engine docker: it does not run: refused\nhint: systemctl start docker\n")
"""
    assert failure(starter(program)) == (
        "engine docker",
        "it does not run: refused",
        "systemctl start docker",
    )


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import sys; sys.exit(3)", "it ended with status 3 and said nothing"),
        ("import sys; sys.exit('first\\nlast\\n\\n')", "last"),
        ("import sys; sys.exit('cleanenv: plain')", "plain"),
        ("import os; os.write(2, b'\\xff'); os._exit(1)", "\ufffd"),
        ("import os; os.kill(os.getpid(), 9)", "it ended with status -9 and said nothing"),
    ],
)
def test_a_child_without_a_proper_error_is_told_as_it_is(program: str, why: str) -> None:
    assert failure(starter(program)) == ("start of the container", why, None)


def test_a_program_that_is_missing_is_told() -> None:
    what = failure(Command("start of the container", ("/none/python",), {}))

    assert what == ("start of the container", "/none/python: No such file or directory", None)


def test_a_child_that_does_not_end_is_killed() -> None:
    what, why, _hint = failure(starter("import time; time.sleep(1000)", timeout_s=0.2))

    assert (what, why) == ("start of the container", "it did not end within 0.2 s")


def test_the_child_has_the_given_variables_and_no_others() -> None:
    starter("import os; assert os.environ['A'] == 'b' and 'HOME' not in os.environ", A="b").run()


def test_the_child_does_not_inherit_blocked_signals() -> None:
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    try:
        starter("import signal; assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])").run()
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) >= END_SIGNALS
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def test_a_later_start_runs_again(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    child = starter(f"open({str(runs)!r}, 'a').write('x')")

    child.run()
    child.run()

    assert runs.read_text() == "xx"
