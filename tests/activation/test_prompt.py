"""The prompt of an interactive shell shows which environment is active, and comes back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pexpect
import pytest

from tests.activation.conftest import Place

# With a prompt that ends in "> ", and without the user's own files.
_INTERACTIVE = {
    "bash": (["--norc", "--noprofile", "-i"], "PS1='> '"),
    "zsh": (["-f", "-i"], "PS1='> '"),
    "fish": (["--no-config", "-i"], "function fish_prompt; echo -n '> '; end"),
    "tcsh": (["-f"], "set prompt = '> '"),
}
_ESCAPES = re.compile(r"\x1b(\[[0-9;?=>]*[a-zA-Z]|\][^\x07]*\x07|[()].|[=>])|[\r\x0f]")

# How zsh and fish find out whether the line before has ended.
_MARGIN = re.compile(r"^[%#⏎] +(⏎ )?")


class Terminal:
    """A shell on a terminal."""

    def __init__(self, place: Place) -> None:
        options, prompt = _INTERACTIVE[place.dialect.name]
        self._child = pexpect.spawn(
            place.executable,
            options,
            cwd=str(place.directory),
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(place.directory / "home"),
                "LANG": "C.UTF-8",
                "TERM": "xterm",
            },
            encoding="utf-8",
            timeout=30,
            dimensions=(24, 200),
        )
        self.run(prompt)

    def close(self) -> None:
        self._child.close(force=True)

    def run(self, line: str) -> None:
        """Type a line and wait for its end."""
        # As typed the mark is none, for the terminal shows what is typed.
        self._child.sendline(f"{line}; echo do''ne")
        self._child.expect("done\r?\n")

    @property
    def prompt(self) -> str:
        """What the prompt shows now."""
        self.run("true")
        self._child.expect("> ")
        shown = _ESCAPES.sub("", str(self._child.before)).rpartition("\n")[2]
        return _MARGIN.sub("", shown) + "> "


@pytest.fixture
def terminal(place: Place) -> Iterator[Terminal]:
    terminal = Terminal(place)
    yield terminal
    terminal.close()


@pytest.mark.parametrize("place", _INTERACTIVE, indirect=True)
def test_prompt_shows_the_environment_and_comes_back(place: Place, terminal: Terminal) -> None:
    root = place.environment("my env")
    terminal.run(place.entering(root))
    inside = terminal.prompt
    terminal.run("deactivate")
    assert (inside, terminal.prompt) == ("(my env) > ", "> ")


@pytest.mark.parametrize("place", _INTERACTIVE, indirect=True)
def test_prompt_can_be_left_alone(place: Place, terminal: Terminal) -> None:
    root = place.environment()
    terminal.run(place.dialect.before["exported"].format("CLEAN_ENV_DISABLE_PROMPT"))
    terminal.run(place.entering(root))
    inside = terminal.prompt
    terminal.run("deactivate")
    assert (inside, terminal.prompt) == ("> ", "> ")


@pytest.mark.parametrize("place", ["fish"], indirect=True)
def test_prompt_knows_how_the_last_command_ended(place: Place) -> None:
    root = place.environment()
    (shown,) = place.sections(
        "function fish_prompt; printf '%s\\n%s> ' $status \"$pipestatus\"; end",
        place.entering(root),
        "sh -c 'exit 3' | sh -c 'exit 4'; fish_prompt",
    )
    assert shown == "(env) 4\n3 4> "


@pytest.mark.parametrize("place", ["nu"], indirect=True)
def test_prompt_of_nushell_is_made_by_the_old_one(place: Place) -> None:
    root = place.environment()
    lines = ("$env.PROMPT_COMMAND = {|| 'old> '}", place.entering(root), "print (do $env.PROMPT_COMMAND)")
    assert place.sections(*lines) == ("(env) old> ",)
    assert place.sections("$env.CLEAN_ENV_DISABLE_PROMPT = 'y'", *lines) == ("old> ",)


@pytest.mark.parametrize("place", ["xonsh"], indirect=True)
def test_prompt_of_xonsh_has_a_field_for_it(place: Place) -> None:
    root = place.environment()
    lines = (place.entering(root), "print(__xonsh__.env['PROMPT_FIELDS']['env_name'])")
    assert place.sections(*lines) == ("(env) ",)
    assert place.sections("$CLEAN_ENV_DISABLE_PROMPT = 'y'", *lines)[0].startswith("<function")
