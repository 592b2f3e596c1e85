"""The scripts of a live directory, made from the templates beside this file. Quoting belongs to the shell."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Script", "activation_scripts", "commands"]

# Shells expand these in a prompt (bash's promptvars, zsh's percent escapes); control characters have no place there.
_EXPANDED = re.compile(r"[$`!%\\\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Script:
    """A file to source; not executable, so that completion does not offer it as a command."""

    name: str
    content: bytes
    mode: int = 0o644


def activation_scripts(root: Path, python: str) -> tuple[Script, ...]:
    """The activation scripts of the environment at `root`. They start it with the interpreter `python`."""
    values = {
        "@BIN@": shlex.quote(str(root / "bin")),
        "@ENVIRONMENT@": shlex.quote(str(root)),
        "@PYTHON@": shlex.quote(python),
        "@PROMPT@": shlex.quote(f"({_EXPANDED.sub('_', root.name)}) "),
    }
    template = (Path(__file__).parent / "activate.sh").read_text("ascii")
    content = re.sub("|".join(values), lambda marker: values[marker[0]], template)
    return (Script("activate", os.fsencode(content)),)


def commands(root: Path, python: str) -> tuple[tuple[str, bytes], ...]:
    """`cleanenv` and `destroy` as programs of the live directory, for this environment."""
    run = f"exec {shlex.quote(python)} -I -m cleanenv"
    here = shlex.quote(str(root))
    return (
        ("cleanenv", os.fsencode(f'#!/bin/sh\nCLEAN_ENV={here}\nexport CLEAN_ENV\n{run} "$@"\n')),
        ("destroy", os.fsencode(f'#!/bin/sh\n{run} destroy "$@" {here}\n')),
    )
