"""Entering and leaving an environment in sh, bash and zsh: what was there before is there afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, Shell, quoted
from integration.main_job.conftest import Create

SHELLS = ("bash", "dash", "zsh")

pytestmark = ONE_CALLER

# All that a shell can tell of itself, without what changes with every command.
SNAPSHOTS = {
    "bash": (
        r"{ declare -p; declare -f; alias; set +o; shopt; trap; }"
        r" | grep -vE '^declare [-a-zA-Z]+ (_|BASH_.*|LINENO|S?RANDOM|SECONDS|EPOCH.*|FUNCNAME|PIPESTATUS)='"
    ),
    "dash": "{ set; export -p; alias; trap; } | grep -vE '^(_|LINENO|OPTIND)='",
    "zsh": (
        r"{ typeset -p; functions; alias; setopt; trap; }"
        r" | grep -avE '^(typeset|export) .*\b(_|LINENO|RANDOM|SECONDS|EPOCH.*|TTYIDLE|pipestatus|status|[?!])='"
    ),
}

# How a variable may be beforehand, in any of these shells.
BEFORE = {
    "unset": "unset {0}",
    "empty": "unset {0}; {0}=",
    "set": "unset {0}; {0}='a  b\\$(c)%d'",
    "exported": "export {0}='a b'",
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, caller: Caller) -> Iterator[Shell]:
    with caller.shell(request.param) as shell:
        yield shell


def snapshot(shell: Shell, tools: Environment) -> str:
    file = tools.project / "snapshot"
    shell.run(f"{SNAPSHOTS[shell.name]} > {file}")
    return file.read_text("utf-8", "surrogateescape")


@pytest.mark.parametrize("before", BEFORE)
def test_deactivate_leaves_the_shell_as_it_was(shell: Shell, tools: Environment, before: str) -> None:
    for name in ("PS1", "CLEAN_ENV", "CLEAN_ENV_PROMPT"):
        shell.run(BEFORE[before].format(name))
    if shell.name != "dash":  # it cannot tell the text of a function
        shell.run("deactivate() { echo mine; }")
    first = snapshot(shell, tools)

    assert shell.output(f". {tools.bin}/activate") == ""
    inside = snapshot(shell, tools)
    assert shell.output("deactivate") == ""

    assert (snapshot(shell, tools), inside == first) == (first, False)


@pytest.mark.parametrize("path", ["unset PATH", "PATH=", "PATH=/bin:/usr/bin:"])
def test_deactivate_restores_any_path(shell: Shell, tools: Environment, path: str) -> None:
    show = 'echo "${PATH-unset}"'
    before = shell.output(f"{path}; {show}")
    after = shell.output(f". {tools.bin}/activate && {show} && deactivate && {show}")

    own = before.strip() if before != "unset\n" else ""
    assert after == f"{tools.bin}{':' if own else ''}{own}\n{before}"


def test_activation_works_in_a_shell_that_ends_at_errors(shell: Shell, tools: Environment) -> None:
    activate = f". {tools.bin}/activate"
    assert shell.output(f"set -eu; {activate}; sh -c 'echo inside'; {activate}; deactivate; set +eu") == "inside\n"


def test_prompt_shows_the_environment_and_can_be_left_alone(shell: Shell, tools: Environment) -> None:
    shell.run("PS1='> '")
    shell.run(f". {tools.bin}/activate")
    shell.run(":")
    shown = shell.prompt
    shell.run(f"deactivate; CLEAN_ENV_DISABLE_PROMPT=1; . {tools.bin}/activate")
    shell.run("deactivate")

    assert (shown, shell.prompt) == ("(env) > ", "> ")


def test_programs_that_the_shell_remembers_are_looked_for_again(shell: Shell, tools: Environment) -> None:
    outside = shell.output("sleep 0; command -v sleep")
    inside = shell.output(f". {tools.bin}/activate; sleep 0; command -v sleep")
    again = shell.output("deactivate; sleep 0; command -v sleep")

    assert (inside, again) == (f"{tools.bin}/sleep\n", outside)


def test_entering_twice_is_left_once(shell: Shell, tools: Environment) -> None:
    first = snapshot(shell, tools)
    shell.output(f". {tools.bin}/activate; . {tools.bin}/activate")
    inside = shell.output("echo $PATH")
    shell.output("deactivate")

    assert (snapshot(shell, tools), inside.count(str(tools.bin))) == (first, 1)


def test_entering_another_environment_leaves_the_first(shell: Shell, tools: Environment, small: Environment) -> None:
    first = snapshot(shell, tools)
    shell.output(f". {tools.bin}/activate; . {small.bin}/activate")
    inside = shell.output('echo "$CLEAN_ENV:$PATH"')
    shell.output("deactivate")

    assert inside.startswith(f"{small.path}:{small.bin}:")
    assert str(tools.path) not in inside
    assert snapshot(shell, tools) == first


@pytest.mark.parametrize("name", SHELLS)
def test_executing_the_script_says_to_source_it(caller: Caller, tools: Environment, name: str) -> None:
    result = caller.run(name, tools.bin / "activate")

    said = "cleanenv: this file changes your shell, it cannot be run\n"
    hint = f"hint: {'.' if name == 'dash' else 'source'} {tools.bin}/activate\n"
    assert (result.returncode, result.stdout, result.stderr) == (2, "", said + hint)


def test_environment_of_any_name_can_be_entered(caller: Caller, place: Path, create: Create) -> None:
    environment = create("--link", "/bin/basename", path=place / "a b'\"$x`y#é%n\\(c)&;*\t!")
    for name in SHELLS:
        with caller.shell(name) as shell:
            shell.output(f"PS1='> '; . {quoted(environment.bin / 'activate')}")
            assert shell.output("basename 'a b/c d'") == "c d\n"
            assert shell.prompt == "(a b'\"_x_y#é_n_(c)&;*__) > "
            assert shell.output('printf %s "$CLEAN_ENV"') == str(environment.path)
            assert "container       running" in shell.output("cleanenv status")
            shell.output("deactivate")
            shell.run(":")
            assert shell.prompt == "> "
