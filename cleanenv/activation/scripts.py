"""The scripts of a live directory, made from the templates beside this file."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cleanenv.activation import quoting

__all__ = ["Script", "activation_scripts", "commands"]

# Each script is made from the template of the same suffix; `activate` is for all that read sh.
_QUOTE: dict[str, Callable[[str], str]] = {
    ".sh": quoting.posix,
    ".fish": quoting.fish,
    ".csh": quoting.csh,
    ".nu": quoting.nushell,
    ".ps1": quoting.powershell,
    ".xsh": quoting.xonsh,
}

# Shells expand these in a prompt (bash's promptvars, zsh's and tcsh's percent escapes, tcsh's event number, xonsh's
# fields); control characters have no place there.
_EXPANDED = re.compile(r"[$`!%\\{}\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Script:
    """A file to source; not executable, so that completion does not offer it as a command."""

    name: str
    content: bytes
    mode: int = 0o644


def activation_scripts(root: Path, python: str) -> tuple[Script, ...]:
    """The activation scripts of the environment at `root`. They start it with the interpreter `python`."""
    return tuple(_script(suffix, root, python) for suffix in _QUOTE)


def _script(suffix: str, root: Path, python: str) -> Script:
    quote = _QUOTE[suffix]
    values = {
        "@BIN@": quote(str(root / "bin")),
        "@ENVIRONMENT@": quote(str(root)),
        "@PYTHON@": quote(python),
        "@PROMPT@": quote(f"({_EXPANDED.sub('_', root.name)}) "),
    }
    template = (Path(__file__).parent / f"activate{suffix}").read_text("ascii")
    content = re.sub("|".join(values), lambda marker: values[marker[0]], template)
    return Script("activate" if suffix == ".sh" else f"activate{suffix}", os.fsencode(content))


def commands(root: Path, python: str) -> tuple[tuple[str, bytes], ...]:
    """`cleanenv` and `destroy` as programs of the live directory, for this environment."""
    run = f"exec {shlex.quote(python)} -I -m cleanenv"
    here = shlex.quote(str(root))
    return (
        ("cleanenv", os.fsencode(f'#!/bin/sh\nCLEAN_ENV={here}\nexport CLEAN_ENV\n{run} "$@"\n')),
        ("destroy", os.fsencode(f'#!/bin/sh\n{run} destroy "$@" {here}\n')),
    )
