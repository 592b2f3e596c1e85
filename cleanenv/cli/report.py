"""`cleanenv list` and `status`."""

from __future__ import annotations

import dataclasses
import json

import click

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root

__all__ = ["list_", "status"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(*, as_json: bool) -> None:
    """List your environments."""
    from cleanenv.operations import report

    summaries = report.list_environments(current_host())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(summary) for summary in summaries]))
        return
    width = max((len(summary.path) for summary in summaries), default=0)
    for summary in summaries:
        click.echo(
            f"{summary.path:{width}}  {summary.state:8}  {summary.image}".rstrip().encode("utf-8", "surrogateescape")
        )


@click.command()
@environment_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(*, environment: str | None, as_json: bool) -> None:
    """Show the state of an environment."""
    from cleanenv.operations import report

    result = report.status(environment_root(environment), connect=engine_connector(current_host()))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(result)))
        return
    rows = [
        ("environment", result.path),
        ("container", f"{result.container} ({result.container_id[:12]})"),
        ("image", result.image),
        ("user", result.user),
        ("live directory", result.live_directory),
        *_rows("directories", result.mounts),
        *_rows("links", result.links),
        *_rows("programs", tuple(f"{pid} {name}" for pid, name in result.programs)),
    ]
    for title, text in rows:
        click.echo(f"{title:15} {text}".encode("utf-8", "surrogateescape"))


def _rows(title: str, items: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(title if index == 0 else "", item) for index, item in enumerate(items)]
