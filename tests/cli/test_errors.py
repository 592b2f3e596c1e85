"""An error is one line that says what and why, one that says what to type, and an exit code."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from cleanenv.errors import AgentError, CleanenvError, EngineError, UsageError
from tests.cli.conftest import Run


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Make `cleanenv list` raise that."""

    def fail_with(error: BaseException) -> None:
        @click.command()
        def command() -> None:
            raise error

        monkeypatch.setattr("cleanenv.cli.report.list_", command)

    return fail_with


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("link x", "no", "do y"), 2, "cleanenv: link x: no\nhint: do y\n"),
        (EngineError("pull", "no"), 1, "cleanenv: pull: no\n"),
        (AgentError("agent", "gone", "start"), 125, "cleanenv: agent: gone\nhint: start\n"),
        (CleanenvError("a\nb", "c\x1b[31m\t", "d\x7f"), 1, "cleanenv: a\\nb: c\\x1b[31m\\t\nhint: d\\x7f\n"),
        (CleanenvError("é\udcff", "→"), 1, "cleanenv: é\udcff: →\n"),
        (OSError(28, "No space left on device", "/x"), 1, "cleanenv: /x: No space left on device\n"),
        (OSError("odd"), 1, "cleanenv: system: odd\n"),
        (KeyboardInterrupt(), 130, "\ncleanenv: interrupted: nothing more is done\n"),
        (click.Abort(), 130, "cleanenv: interrupted: nothing more is done\n"),
        (click.ClickException("odd"), 1, "cleanenv: failed: odd\n"),
        (
            RuntimeError("a bug"),
            1,
            "cleanenv: internal error: RuntimeError: a bug\nhint: cleanenv --debug …, and report what it prints\n",
        ),
    ],
    ids=repr,
)
def test_error_is_told_in_one_line_with_a_hint(
    run: Run, failing: Callable[[BaseException], None], error: BaseException, code: int, said: str
) -> None:
    failing(error)
    assert run("list") == (code, "", said)


def test_option_of_path_behind_a_path_is_no_path(run: Run) -> None:
    for words in (["x", "--to-host"], ["x", "/y", "--absolute"]):
        said = f"cleanenv: path {words[-1]}: options come before the paths\nhint: cleanenv path {words[-1]} …\n"
        assert run("path", *words) == (2, "", said)


def test_debug_shows_where_an_error_comes_from(run: Run, failing: Callable[[BaseException], None]) -> None:
    failing(UsageError("link x", "no"))
    code, output, errors = run("--debug", "list")
    assert (code, output) == (2, "")
    assert errors.startswith("Traceback (most recent call last):\n")
    assert errors.endswith("cleanenv: link x: no\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["crate"], "cleanenv: usage: No such command 'crate'"),
        (["create"], "cleanenv: usage: Missing argument 'PATH'"),
        (["status", "--nonsense"], "cleanenv: usage: No such option"),
        (["create", "a", "b"], "cleanenv: usage: Got unexpected extra argument (b)"),
        (["link"], "cleanenv: usage: Missing argument"),
    ],
)
def test_wrong_usage_names_the_help_of_the_command(run: Run, arguments: list[str], said: str) -> None:
    code, output, errors = run(*arguments)
    message, hint = errors.splitlines()
    command = f" {arguments[0]}" if arguments[0] != "crate" else ""
    assert (code, output, hint) == (2, "", f"hint: cleanenv{command} --help")
    assert message.startswith(said)


def test_request_to_end_is_an_exit_that_tidies_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    @click.command()
    def command() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)  # comes too late to stop this
            done.append("tidied up")

    monkeypatch.setattr("cleanenv.cli.report.list_", command)
    assert (run("list"), done) == ((143, "", ""), ["tidied up"])


def test_signal_that_is_ignored_stays_ignored(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def command() -> None:
        signal.raise_signal(signal.SIGHUP)
        click.echo("went on")

    monkeypatch.setattr("cleanenv.cli.report.list_", command)
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run("list") == (0, "went on\n", "")
    finally:
        signal.signal(signal.SIGHUP, previous)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status"], "environment: none is active and none was named"),
        (["create", ""], "environment: the path is empty"),
        (["create", "-b", "", "x"], "base image: its name is empty"),
        (["create", "--link", "x", "e"], "link 'x': the container path is not absolute"),
        (
            ["create", "--link", "activate:/x", "e"],
            "link 'activate:/x': 'activate' is a name of the live directory itself",
        ),
        (["create", "--link", "x:/a", "--link", "x:/b", "e"], "link 'x:/b': the name 'x' is taken by /a"),
        (["create", "--link", "/bin/", "e"], "link '/bin/': the path names a directory, not a program"),
        (["create", "-d", "/missing", "e"], "directory '/missing': there is no /missing on the host"),
        (["create", "-d", "/usr:/proc/x", "e"], "directory '/usr:/proc/x': /proc/x belongs to the container itself"),
        (["create", "-d", "/usr:/", "e"], "directory '/usr:/': the container's / cannot be a mount"),
        (["create", "-d", ":rw", "e"], "directory ':rw': the path is empty"),
        (["create", "-d", "/usr:/x", "-d", "/usr:/y", "/e"], "directory /usr: it is /x in the container already"),
        (["create", "/dev/null/e"], "environment /dev/null/e: /dev/null is not a directory"),
        (["create", "--env", "=x", "e"], "option --env: '' is no name of a variable"),
        (["create", "--env", "HOME=x", "e"], "option --env: HOME comes from the user of the environment"),
        (["create", "--deny-env", "A=1", "e"], "option --deny-env: 'A=1' is no name of a variable"),
        (["create", "--allow-env", "", "e"], "option --allow-env: '' is no name of a variable"),
        (["create", "--grace", "soon", "e"], "option --grace: 'soon' is no number of seconds"),
        (["exec", "--env", "A/B=1", "x"], "option --env: 'A/B' is no name of a variable"),
        (["exec", "--env", "NOT_SET_HERE", "x"], "option --env: NOT_SET_HERE is not set here"),
        (["start", "-e", "/missing"], "environment /missing: there is none at that path"),
        (["exec", "-e", "/missing", "--", "x", "--debug"], "environment /missing: there is none at that path"),
        (["destroy", "/missing"], "environment /missing: there is none at that path"),
    ],
)
def test_what_is_typed_wrong_is_told_without_an_engine(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    monkeypatch.delenv("CLEAN_ENV", raising=False)
    code, output, errors = run(*arguments)
    assert (code, output, errors.splitlines()[0]) == (2, "", f"cleanenv: {message}")


def test_reader_that_goes_away_is_no_error(run: Run, failing: Callable[[BaseException], None]) -> None:
    copy = os.dup(1)
    try:
        failing(BrokenPipeError())
        assert run("list") == (141, "", "")
    finally:
        os.dup2(copy, 1)
        os.close(copy)


def test_list_of_no_environments_is_empty(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert run("list") == (0, "", "")
    assert run("list", "--json") == (0, "[]\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--text=both", "cat"), "cleanenv: options --args and --text: they are for programs of the container\n"),
        (("--args=off", "cat"), "cleanenv: options --args and --text: they are for programs of the container\n"),
        (("no-such-program",), "cleanenv: host link 'no-such-program': there is no such program in PATH\n"),
        (("/bin/cat",), "cleanenv: host link '/bin/cat': the name is missing\nhint: --host cat:/bin/cat\n"),
    ],
)
def test_host_links_that_cannot_be_are_told(run: Run, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    code, output, errors = run("link", "-e", str(tmp_path), "--host", *arguments)
    assert (code, output) == (2, "")
    assert errors.startswith(said)
