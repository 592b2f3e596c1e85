"""`cleanenv mount` and `umount`."""

from __future__ import annotations

import click

from cleanenv.cli.context import current_host, environment_option, environment_root

__all__ = ["mount", "umount"]


@click.command()
@environment_option
def mount(*, environment: str | None) -> None:
    """Mount the live directory alone; a program that is called starts the container.

    One that is there already is left alone, a dead one is replaced.
    """
    from cleanenv.operations import mounting

    mounting.mount(environment_root(environment), current_host())


@click.command()
@environment_option
def umount(*, environment: str | None) -> None:
    """Take the live directory away. The container and the programs that run go on.

    The activation scripts stay, and activating mounts it again. Until then nobody stops an idle container.
    """
    from cleanenv.operations import mounting

    mounting.unmount(environment_root(environment))
