"""What every command needs to know of its process: the caller, the environment that is meant, the engine."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from cleanenv.accounts import current_user
from cleanenv.errors import UsageError
from cleanenv.model.host import Host

if TYPE_CHECKING:
    from cleanenv.engine.port import Engine

__all__ = [
    "absolute",
    "complete_directory",
    "complete_environment",
    "current_host",
    "defined_variable",
    "engine_connector",
    "environment_option",
    "environment_root",
    "warn",
]


def current_host() -> Host:
    """The process that runs this command."""
    return Host(
        user=current_user(),
        working_directory=_working_directory(),
        variables=dict(os.environ),
        python=sys.executable,
    )


def absolute(path: str) -> Path:
    """The path without `..` and symbolic links, which is how the kernel names a mount point."""
    return Path(os.path.realpath(os.path.join(_working_directory(), os.path.expanduser(path))))


def complete_environment(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The user's environments that begin like this, else directories."""
    from cleanenv.registry import Registry

    typed = os.path.expanduser(incomplete) if incomplete.startswith("~/") else incomplete
    roots = [str(root) for root in Registry(current_host().state_directory).roots()]
    # As it was typed: a shell only takes what begins with that.
    found = [CompletionItem(incomplete + root[len(typed) :]) for root in roots if root.startswith(typed)]
    return found or complete_directory(_context, _parameter, incomplete)


def complete_directory(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Directories, which the shell finds itself."""
    return [CompletionItem(incomplete, type="dir")]


# `-e PATH`: the environment that is meant.
environment_option = click.option(
    "-e",
    "--environment",
    metavar="PATH",
    help="The environment; without it the active one ($CLEAN_ENV).",
    shell_complete=complete_environment,
)


def environment_root(path: str | None) -> Path:
    """The path of the environment that is meant. Raises UsageError when none is."""
    if path is None:
        path = os.environ.get("CLEAN_ENV") or None
    if path is None:
        raise UsageError(
            "environment", "none is active and none was named", "source PATH/bin/activate, or give -e PATH"
        )
    return absolute(path)


def defined_variable(text: str, own: Mapping[str, str]) -> tuple[str, str]:
    """What `--env` says: NAME=VALUE, or NAME with its value of now. Raises UsageError."""
    name, given, value = text.partition("=")
    if not name or "/" in name:
        raise UsageError("option --env", f"{name!r} is no name of a variable", "use NAME=VALUE")
    if not given and name not in own:
        raise UsageError("option --env", f"{name} is not set here", f"--env {shlex.quote(name)}=VALUE")
    return name, value if given else own[name]


def engine_connector(host: Host) -> Callable[[], Engine]:
    """Connects when called: a command that finds a fault before needs no engine, and none of its 250 ms of import."""

    def connect() -> Engine:
        from cleanenv.engine.select import connect as select_and_connect

        return select_and_connect(host.variables, host.user.uid)

    return connect


def warn(text: str) -> None:
    """Say what went wrong and does not keep the command from going on."""
    click.echo(f"cleanenv: {text}".encode("utf-8", "surrogateescape"), err=True)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError as error:
        raise UsageError("working directory", error.strerror or str(error), "cd to a directory that exists") from error
