"""`cleanenv snapshot diff`."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root
from cleanenv.cli.quantities import size_text
from cleanenv.cli.snapshot_argument import complete_snapshot

if TYPE_CHECKING:
    from cleanenv.operations.snapshots.compare import Difference

__all__ = ["diff"]


@click.command()
@environment_option
@click.option("--packages", is_flag=True, help="Packages of apt, pip, npm and gem instead of files.")
@click.option("--json", "as_json", is_flag=True, help="For programs: files and packages.")
@click.argument("first", metavar="A", shell_complete=complete_snapshot)
@click.argument("second", metavar="[B]", required=False, shell_complete=complete_snapshot)
def diff(*, environment: str | None, packages: bool, as_json: bool, first: str, second: str | None) -> None:
    """Show what came, changed and went from snapshot A to B, or to now.

    \b
      + 12.3 kB            /usr/bin/new
      ~ 1.0 kB -> 1.2 kB   /etc/changed
      - 5 B                /etc/gone
    """
    from cleanenv.cli.progress import showing_progress
    from cleanenv.operations.snapshots.compare import compare

    with showing_progress() as progress:
        difference = compare(
            environment_root(environment),
            first,
            second,
            connect=engine_connector(current_host()),
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(difference)))
        return
    lines = _packages(difference) if packages else _files(difference)
    click.echo("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"), nl=False)


def _files(difference: Difference) -> list[str]:
    rows = [
        (_sign(each.before, each.after), _change(_size(each.before), _size(each.after)), each.path)
        for each in difference.files
    ]
    return _aligned(rows)


def _packages(difference: Difference) -> list[str]:
    return _aligned(
        [
            (_sign(each.before, each.after), f"{each.manager} {each.name}", _change(each.before, each.after))
            for each in difference.packages
        ]
    )


def _sign(before: object, after: object) -> str:
    if before is None:
        return "+"
    return "-" if after is None else "~"


def _change(before: str | None, after: str | None) -> str:
    return " -> ".join(dict.fromkeys(each for each in (before, after) if each is not None))


def _size(size: int | None) -> str | None:
    return None if size is None else size_text(size)


def _aligned(rows: list[tuple[str, str, str]]) -> list[str]:
    width = max((len(row[1]) for row in rows), default=0)
    return [f"{sign} {middle:{width}}  {last}".rstrip() for sign, middle, last in rows]
