"""`cleanenv doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cleanenv.cli.context import current_host, engine_connector

if TYPE_CHECKING:
    from cleanenv.operations.doctor.finding import Finding

__all__ = ["doctor"]


@click.command()
@click.option("--fix", is_flag=True, help="Mend what can be mended without losing anything of yours.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(*, fix: bool, as_json: bool) -> int:
    """Say what is wrong, and what to type.

    Looks at the engine, at FUSE, at your environments, and at what killed commands have left. The exit status is 1
    when something is wrong.
    """
    from cleanenv.operations.doctor.examination import Mended, examine, mend

    host = current_host()
    connect = engine_connector(host)
    result = mend(host, connect=connect) if fix else Mended((), examine(host, connect=connect))
    if as_json:
        click.echo(json.dumps({"mended": _objects(result.mended), "wrong": _objects(result.left)}))
    else:
        lines = [f"mended: {finding.what}: {finding.why}" for finding in result.mended]
        lines += [f"{finding.what}: {finding.why}. Type: {_typed(finding)}" for finding in result.left]
        click.echo("\n".join(lines or ["nothing is wrong"]).encode("utf-8", "surrogateescape"))
    return 1 if result.left else 0


def _typed(finding: Finding) -> str:
    return f"{finding.hint}   (or: cleanenv doctor --fix)" if finding.mend else finding.hint


def _objects(findings: tuple[Finding, ...]) -> list[dict[str, object]]:
    return [{"what": each.what, "why": each.why, "hint": each.hint, "fix": each.mend is not None} for each in findings]
