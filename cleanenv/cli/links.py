"""`cleanenv link` and `unlink`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root, warn
from cleanenv.errors import CleanenvError
from cleanenv.model.link import parse_links

__all__ = ["link", "unlink"]


@click.command()
@environment_option
@click.argument("programs", nargs=-1, required=True, metavar="[NAME:]PATH...")
def link(*, environment: str | None, programs: tuple[str, ...]) -> None:
    """Serve more programs of the container; visible at once.

    \b
      cleanenv link /usr/bin/make cc:/usr/bin/gcc '/opt/tools/bin/*'
    """
    from cleanenv.operations import links as operations

    host = current_host()
    root = environment_root(environment)
    operations.link(root, parse_links(programs), host, connect=engine_connector(host), warn=warn)


def _complete_link(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The environment's links, by name or by pattern as they were linked."""
    from cleanenv.environments import open_environment

    try:
        links = open_environment(environment_root(context.params.get("environment"))).configuration.effective_links
    except CleanenvError:  # there is nothing to offer
        return []
    names = [link.path if link.name is None else link.name for link in links]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command()
@environment_option
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=_complete_link)
def unlink(*, environment: str | None, names: tuple[str, ...]) -> None:
    """Stop serving programs, by name or by pattern as it was linked."""
    from cleanenv.operations import links as operations

    operations.unlink(environment_root(environment), names, current_host())
