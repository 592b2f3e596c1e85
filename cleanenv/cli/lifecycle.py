"""`cleanenv start`, `stop`, `reset` and `destroy`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from cleanenv.cli.context import (
    absolute,
    complete_environment,
    current_host,
    engine_connector,
    environment_option,
    environment_root,
    warn,
)
from cleanenv.errors import EnvironmentStateError
from cleanenv.sessions import Session

__all__ = ["destroy", "reset", "start", "stop"]


@click.command()
@environment_option
@click.option("--container-only", is_flag=True, hidden=True)
@click.option("--enter", "shell", type=int, hidden=True)
def start(*, environment: str | None, container_only: bool, shell: int | None) -> None:
    """Start the container and mount the live directory.

    Whatever is there already is left alone. Calling a program starts a stopped container by itself.
    """
    from cleanenv.operations import lifecycle

    host = current_host()
    root = environment_root(environment)
    if container_only:
        lifecycle.start_container(root, host, connect=engine_connector(host), warn=warn)
    else:
        lifecycle.start(root, host, connect=engine_connector(host), warn=warn, shell=shell)


@click.command()
@environment_option
@click.option("--when-left", "condition", flag_value="LEFT", hidden=True)
@click.option("--when-idle", "condition", flag_value="IDLE", hidden=True)
def stop(*, environment: str | None, condition: str | None) -> None:
    """Stop the container and everything that runs in it.

    Its files stay as they are, and so does the live directory.
    """
    from cleanenv.operations import lifecycle
    from cleanenv.operations.lifecycle import Condition

    host = current_host()
    lifecycle.stop(
        environment_root(environment),
        host,
        connect=engine_connector(host),
        warn=warn,
        condition=Condition[condition] if condition else Condition.NONE,
    )


@click.command()
@environment_option
def reset(*, environment: str | None) -> None:
    """Put the container back to the state after create.

    What was installed or changed in it is lost. Links and mounted directories stay as they are.
    """
    from cleanenv.operations.reset import reset as reset_environment

    host = current_host()
    reset_environment(environment_root(environment), host, connect=engine_connector(host), warn=warn)


@click.command()
@click.argument("path", shell_complete=complete_environment)
@click.option("-y", "--yes", is_flag=True, help="Do not ask, also when shells are in the environment.")
def destroy(*, path: str, yes: bool) -> None:
    """Remove the environment at PATH with its container."""
    from cleanenv.operations.destroy import destroy as destroy_environment
    from cleanenv.operations.destroy import sessions_in
    from cleanenv.processes import ancestors

    host = current_host()
    root = absolute(path)
    sessions, own = sessions_in(root), ancestors()
    if not yes:
        _ask_about([session for session in sessions if session.pid not in own], root)
    destroy_environment(root, host, connect=engine_connector(host), warn=warn)
    if any(session.pid in own for session in sessions):
        click.echo("this shell is still in it: type deactivate", err=True)


def _ask_about(others: Sequence[Session], root: Path) -> None:
    """Whoever is in the environment and types this knows of one shell."""
    from cleanenv.processes import name_of

    if not others:
        return
    what = f"destroy {root}"
    why = f"shells are in it ({', '.join(f'{each.pid} {name_of(each.pid)}'.strip() for each in others)})"
    if not sys.stdin.isatty():
        raise EnvironmentStateError(what, why, f"cleanenv destroy --yes {shlex.quote(str(root))}")
    if not click.confirm(f"{what}: {why}. Go on?", err=True):
        raise EnvironmentStateError(what, "nothing was done")
