"""`cleanenv start`, `stop`, `reset` and `destroy`."""

from __future__ import annotations

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
def start(*, environment: str | None, container_only: bool) -> None:
    """Start the container and mount the live directory.

    Whatever is there already is left alone. Calling a program starts a stopped container by itself.
    """
    from cleanenv.operations import lifecycle

    host = current_host()
    root = environment_root(environment)
    if container_only:
        lifecycle.start_container(root, host, connect=engine_connector(host), warn=warn)
    else:
        lifecycle.start(root, host, connect=engine_connector(host), warn=warn)


@click.command()
@environment_option
def stop(*, environment: str | None) -> None:
    """Stop the container and everything that runs in it.

    Its files stay as they are, and so does the live directory.
    """
    from cleanenv.operations import lifecycle

    host = current_host()
    lifecycle.stop(environment_root(environment), host, connect=engine_connector(host), warn=warn)


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
def destroy(*, path: str) -> None:
    """Remove the environment at PATH with its container."""
    from cleanenv.operations.destroy import destroy as destroy_environment

    host = current_host()
    destroy_environment(absolute(path), host, connect=engine_connector(host), warn=warn)
