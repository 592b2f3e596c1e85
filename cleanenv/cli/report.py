"""`cleanenv list` and `status`."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

import click

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root

if TYPE_CHECKING:
    from cleanenv.operations import report

__all__ = ["list_", "status"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(*, as_json: bool) -> None:
    """List your environments."""
    from cleanenv.operations.overview import list_environments

    summaries = list_environments(current_host())
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(summary) for summary in summaries]))
        return
    width = max((len(summary.path) for summary in summaries), default=0)
    for summary in summaries:
        shells = f"  {_shells(summary.sessions)}" if summary.sessions else ""
        line = f"{summary.path:{width}}  {summary.state:8}  {summary.image}{shells}"
        click.echo(line.rstrip().encode("utf-8", "surrogateescape"))


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
        ("environment", f"{result.path} (frozen)" if result.frozen else result.path),
        ("container", f"{result.container} ({result.container_id[:12]})"),
        ("image", result.image),
        ("user", result.user),
        ("live directory", result.live_directory),
        *_rows("directories", result.mounts),
        *_rows("links", result.links),
        *_rows("host links", result.host_links),
        *_rows("shells", tuple(f"{pid} {name}" for pid, name in result.sessions)),
        ("use", _use(result)),
        ("stops", _stops(result)),
        *_rows("programs", tuple(f"{pid} {name}" for pid, name in result.programs)),
    ]
    for title, text in rows:
        click.echo(f"{title:15} {text}".encode("utf-8", "surrogateescape"))


def _rows(title: str, items: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(title if index == 0 else "", item) for index, item in enumerate(items)]


def _use(status: report.Status) -> str:
    if status.calls is None or status.idle_s is None:
        return "none"
    if status.calls:
        return "1 call" if status.calls == 1 else f"{status.calls} calls"
    return f"no call for {status.idle_s:.0f} s"


def _stops(status: report.Status) -> str:
    if status.persistent:
        return "never (persistent)"
    idle = f", or after {status.idle_timeout} s without shells and calls" if status.idle_timeout else ""
    return f"when the last shell leaves{idle}"


def _shells(count: int) -> str:
    return "1 shell" if count == 1 else f"{count} shells"
