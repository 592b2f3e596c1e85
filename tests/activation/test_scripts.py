"""The files that every environment serves, for any path."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cleanenv.activation.scripts import activation_scripts, commands
from cleanenv.model.link import RESERVED_NAMES

PATHS = [
    "/plain",
    "/a b",
    "/it's",
    '/"double"',
    "/$HOME",
    "/`id`",
    "/back\\slash",
    "/é",
    "/-n",
    "/tab\there",
    "/\udcff",
]


@pytest.mark.parametrize("path", PATHS)
def test_commands_of_an_environment_name_it(path: str, tmp_path: Path) -> None:
    python = tmp_path / "py thon"
    python.write_text('#!/bin/sh\nprintf "%s|" "$CLEAN_ENV" "$@"\n')
    python.chmod(0o755)
    said = {}
    for name, content in commands(Path(path), str(python)):
        file = tmp_path / name
        file.write_bytes(content)
        file.chmod(0o755)
        # Another environment may be active.
        variables = {"PATH": "/usr/bin:/bin", "CLEAN_ENV": "/other"}
        said[name] = subprocess.run([file, "a b", ""], check=True, capture_output=True, env=variables).stdout
    encoded = path.encode("utf-8", "surrogateescape")
    assert said == {
        "cleanenv": encoded + b"|-I|-m|cleanenv|a b||",
        "destroy": b"/other|-I|-m|cleanenv|destroy|a b||" + encoded + b"|",
    }


@pytest.mark.parametrize(
    ("name", "shown"),
    [("env", "(env) "), ("a b", "(a b) "), ("$(reboot)", "(_(reboot)) "), ("%n!`\\\t", "(_n____) "), ("ünï", "(ünï) ")],
)
def test_prompt_shows_nothing_that_a_shell_would_expand(name: str, shown: str) -> None:
    script = activation_scripts(Path("/envs", name), "/p")[0]
    line = next(line for line in script.content.decode().splitlines() if line.startswith("CLEAN_ENV_PROMPT="))
    value = subprocess.run(
        ["sh", "-c", f'{line}; printf %s "$CLEAN_ENV_PROMPT"'], check=True, capture_output=True, text=True
    ).stdout
    assert value == shown


def test_scripts_are_for_sourcing() -> None:
    scripts = activation_scripts(Path("/e"), "/p")
    names = ["activate", "activate.csh", "activate.fish", "activate.nu", "activate.ps1", "activate.xsh"]
    assert sorted(script.name for script in scripts) == names
    assert {script.mode for script in scripts} == {0o644}
    assert set(names) <= RESERVED_NAMES
