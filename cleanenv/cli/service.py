"""`cleanenv service install` and `remove`."""

from __future__ import annotations

import click

from cleanenv.cli.context import current_host, environment_option, environment_root, warn

__all__ = ["service"]


@click.group()
def service() -> None:
    """Have systemd start a persistent environment after a reboot."""


@service.command()
@environment_option
def install(*, environment: str | None) -> None:
    """Install a unit in your systemd that starts the environment, and enable it."""
    from cleanenv.operations import service as operations

    host = current_host()
    path, at_boot = operations.install(environment_root(environment), host)
    click.echo(f"installed {path}".encode("utf-8", "surrogateescape"))
    if not at_boot:
        warn("it starts with your first login; to have it start with the machine: loginctl enable-linger")


@service.command()
@environment_option
def remove(*, environment: str | None) -> None:
    """Remove the unit. The environment goes on as it is."""
    from cleanenv.operations import service as operations

    operations.remove(environment_root(environment), current_host())
