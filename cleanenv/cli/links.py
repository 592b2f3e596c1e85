"""`cleanenv link` and `unlink`."""

from __future__ import annotations

import click

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root, warn
from cleanenv.model.link import parse_links
from cleanenv.operations import links as operations

__all__ = ["link", "unlink"]


@click.command()
@environment_option
@click.argument("programs", nargs=-1, required=True, metavar="[NAME:]PATH...")
def link(*, environment: str | None, programs: tuple[str, ...]) -> None:
    """Serve more programs of the container; visible at once.

    \b
      cleanenv link /usr/bin/make cc:/usr/bin/gcc '/opt/tools/bin/*'
    """
    host = current_host()
    root = environment_root(environment)
    operations.link(root, parse_links(programs), host, connect=engine_connector(host), warn=warn)


@click.command()
@environment_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def unlink(*, environment: str | None, names: tuple[str, ...]) -> None:
    """Stop serving programs, by name or by pattern as it was linked."""
    operations.unlink(environment_root(environment), names, current_host())
