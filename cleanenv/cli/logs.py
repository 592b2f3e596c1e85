"""`cleanenv logs`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root

if TYPE_CHECKING:
    from cleanenv.operations.logs import Piece

__all__ = ["logs"]

_PARTS = ("hooks", "server", "container")


@click.command()
@environment_option
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=100, metavar="N", help="The last N lines (100).")
@click.argument("parts", nargs=-1, type=click.Choice(_PARTS))
def logs(*, environment: str | None, follow: bool, lines: int, parts: tuple[str, ...]) -> int:
    """Show what the parts of an environment have written.

    \b
      hooks      the programs of --on-activate, --on-deactivate and --on-destroy, and so the services
      server     the environment server, which serves the live directory
      container  the agent, from the engine

    Without a name all of them; with --follow, hooks and server.
    """
    from cleanenv.operations.logs import Part, follow_logs, read_logs

    root = environment_root(environment)
    wanted = [Part(name) for name in dict.fromkeys(parts or (_PARTS[:2] if follow else _PARTS))]
    if not follow:
        _write(read_logs(root, wanted, lines, connect=engine_connector(current_host())), headed=len(wanted) > 1)
        return 0
    try:
        _write(follow_logs(root, wanted, lines), headed=len(wanted) > 1)
    except KeyboardInterrupt:  # the usual end
        return 130
    return 0


def _write(pieces: Iterable[Piece], *, headed: bool) -> None:
    last: Piece | None = None
    for piece in pieces:
        if headed and (last is None or last.part is not piece.part):
            space = "" if last is None else "\n"
            click.echo(f"{space}==> {piece.part.value}: {piece.place} <==".encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.write(piece.content)
        sys.stdout.flush()
        last = piece
