"""What the command line does before it does anything: fast, and without what only some commands need."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import cleanenv

# Each costs more to import than these commands may take.
HEAVY = {"docker", "requests", "urllib3", "rich", "psutil", "configobj", "fuse", "mfusepy", "cleanenv_fuse", "asyncio"}

RUN = """
import json, sys
from cleanenv.cli.main import main
sys.argv[0] = "cleanenv"
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def run(*arguments: str, **variables: str) -> tuple[int, str, set[str]]:
    """Exit code, output and the packages that were imported."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "LANG": "C.UTF-8", **variables},
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, done.stdout, set(modules)


def test_version_is_told_without_the_rest() -> None:
    code, output, modules = run("--version")
    assert (code, output) == (0, f"cleanenv {cleanenv.__version__}\n")
    assert modules.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("words", "suggested"),
    [
        ("cleanenv ", {"create", "destroy", "exec", "link", "list", "start", "status", "stop", "unlink"}),
        ("cleanenv sta", {"start", "status"}),
        ("cleanenv --ver", {"--version"}),
    ],
)
def test_completion_knows_the_commands_without_the_rest(words: str, suggested: set[str]) -> None:
    code, output, modules = run(
        _CLEANENV_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1)
    )
    assert code == 0
    assert {line.partition(",")[2] for line in output.splitlines()} >= suggested
    assert modules.isdisjoint({"docker", "requests", "fuse", "mfusepy"})


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_can_be_had_for_each_shell(shell: str) -> None:
    code, output, _ = run(_CLEANENV_COMPLETE=f"{shell}_source")
    assert code == 0
    assert "_CLEANENV_COMPLETE" in output


@pytest.mark.parametrize("command", ["create", "destroy", "exec", "link", "list", "start", "status", "stop", "unlink"])
def test_every_command_explains_itself_without_an_engine(command: str) -> None:
    code, output, modules = run(command, "--help")
    assert code == 0
    assert output.startswith(f"Usage: cleanenv {command} ")
    assert modules.isdisjoint({"docker", "requests"})


def test_help_shows_the_commands_in_groups() -> None:
    code, output, _ = run("--help")
    titles = [line for line in output.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert (code, titles) == (0, ["Options:", "Environments:", "Programs:", "Container:", "Upkeep:"])


def test_module_can_be_run_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cleanenv", "--version"], check=True, capture_output=True, text=True, cwd="/"
    )
    assert done.stdout == f"cleanenv {cleanenv.__version__}\n"
