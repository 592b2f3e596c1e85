"""`cleanenv link` and `unlink`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root, warn
from cleanenv.errors import CleanenvError, UsageError
from cleanenv.model.link import parse_links
from cleanenv.model.profile import Operands, Profile, Text

__all__ = ["link", "unlink"]


@click.command()
@environment_option
@click.option(
    "--args",
    "arguments",
    type=click.Choice([*(each.value for each in Operands), "off"]),
    help="Which of their arguments are mapped: all that look like paths, only options, not the first one, none.",
)
@click.option(
    "--text",
    type=click.Choice([each.value for each in Text]),
    help="Where their output names paths as the host does.",
)
@click.option(
    "--host", "of_host", is_flag=True, help="The other way: let the container run NAME[:HOST-PATH] of the host."
)
@click.argument("programs", nargs=-1, required=True, metavar="[NAME:]PATH...")
def link(
    *, environment: str | None, arguments: str | None, text: str | None, of_host: bool, programs: tuple[str, ...]
) -> None:
    """Serve more programs of the container; visible at once.

    --args and --text are kept for them, also for programs that are linked already.

    \b
      cleanenv link /usr/bin/make cc:/usr/bin/gcc '/opt/tools/bin/*'
      cleanenv link --text=both /opt/lint/bin/lint
      cleanenv link --host git xdg-open
    """
    from cleanenv.operations import host_links
    from cleanenv.operations import links as operations

    host = current_host()
    root = environment_root(environment)
    if of_host:
        if arguments is not None or text is not None:
            raise UsageError("options --args and --text", "they are for programs of the container", "leave them away")
        host_links.link(root, host_links.parse_host_links(programs, host), host)
        return
    operations.link(
        root, parse_links(programs), host, options=_options(arguments, text), connect=engine_connector(host), warn=warn
    )


def _options(arguments: str | None, text: str | None) -> Profile:
    return Profile(
        (),
        operands=Operands(arguments) if arguments not in (None, "off") else None,
        stop_after_operand=0 if arguments == "off" else None,
        text=Text(text) if text is not None else None,
    )


def _complete_link(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """The environment's links, by name or by pattern as they were linked."""
    from cleanenv.environments import open_environment

    try:
        configuration = open_environment(environment_root(context.params.get("environment"))).configuration
    except CleanenvError:  # there is nothing to offer
        return []
    links = configuration.effective_links
    if context.params.get("of_host"):
        return [CompletionItem(each.name) for each in configuration.host_links if each.name.startswith(incomplete)]
    names = [link.path if link.name is None else link.name for link in links]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command()
@environment_option
@click.option("--host", "of_host", is_flag=True, help="The other way: the container may run them no longer.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=_complete_link)
def unlink(*, environment: str | None, of_host: bool, names: tuple[str, ...]) -> None:
    """Stop serving programs, by name or by pattern as it was linked."""
    from cleanenv.operations import host_links
    from cleanenv.operations import links as operations

    (host_links if of_host else operations).unlink(environment_root(environment), names, current_host())
