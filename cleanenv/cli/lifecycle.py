"""`cleanenv start`, `stop`, `reset` and `destroy`."""

from __future__ import annotations

import shlex

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
@click.option("--hard", is_flag=True, help="Remove all snapshots too, and what is in volumes.")
@click.option("--discard", is_flag=True, help="Drop the changes that no snapshot has.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def reset(*, environment: str | None, hard: bool, discard: bool, yes: bool) -> None:
    """Go back to the state after create.

    What was installed or changed since is kept as a snapshot. Links and mounted directories stay as they are.
    """
    from cleanenv.cli.confirm import ask, ask_about_shells
    from cleanenv.cli.progress import showing_progress
    from cleanenv.operations import reset as operations
    from cleanenv.operations.destroy import sessions_in

    host = current_host()
    root = environment_root(environment)
    if not yes:
        words = "cleanenv reset --hard --yes" if hard else "cleanenv reset --yes"
        hint = f"{words} -e {shlex.quote(str(root))}"
        ask_about_shells(f"reset {root}", sessions_in(root), hint)
        if hard:
            ask(f"reset {root}", "all changes and snapshots would be gone", hint)
    if hard:
        operations.reset_hard(root, host, connect=engine_connector(host), warn=warn)
        return
    with showing_progress() as progress:
        restored = operations.reset(
            root, host, discard=discard, connect=engine_connector(host), progress=progress, warn=warn
        )
    if restored.saved is not None:
        click.echo(f"saved as snapshot {restored.saved.id} ({restored.saved.name})", err=True)


@click.command()
@click.argument("path", shell_complete=complete_environment)
@click.option("-y", "--yes", is_flag=True, help="Do not ask, also when shells are in the environment.")
@click.option("--and-leave", is_flag=True, hidden=True)  # the shell that calls this leaves then
def destroy(*, path: str, yes: bool, and_leave: bool) -> None:
    """Remove the environment at PATH with its container and its snapshots."""
    from cleanenv.cli.confirm import ask_about_shells
    from cleanenv.operations.destroy import destroy as destroy_environment
    from cleanenv.operations.destroy import sessions_in
    from cleanenv.processes import ancestors

    host = current_host()
    root = absolute(path)
    sessions, own = sessions_in(root), ancestors()
    if not yes:
        ask_about_shells(f"destroy {root}", sessions, f"cleanenv destroy --yes {shlex.quote(str(root))}")
    destroy_environment(root, host, connect=engine_connector(host), warn=warn)
    if not and_leave and any(session.pid in own for session in sessions):
        click.echo("this shell is still in it: type deactivate", err=True)
