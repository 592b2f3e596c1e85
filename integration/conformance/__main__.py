"""`python -m integration.conformance [FILE]`: play the behaviour matrix, print it, and write it to a Markdown file."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import environment
from integration.conformance.matrix import LINKS, ROWS, Outcome, Row
from integration.main_job.images import make_debian

__all__: list[str] = []


def main() -> int:
    """Returns 1 when a row is red."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cleanenv/images"
    cache.mkdir(parents=True, exist_ok=True)
    with (
        environment.made(make_debian(cache), LINKS, ["--sudo"]) as made,
        tempfile.TemporaryDirectory(prefix="cleanenv-matrix.") as place,
    ):
        results = [
            (row, *_play(row, made.bin, Path(place, str(number))))
            for number, row in enumerate(track(ROWS, "playing", console=Console(stderr=True), transient=True))
        ]
    table = Table("area", "behaviour", "as natively", "natively", "environment")
    for row, outcome, fault in results:
        table.add_row(row.area, row.name, "[red]no[/red]" if fault else "yes", *_timings(outcome))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    Console().print(table)
    for row, _, fault in results:
        if fault:
            console.print(f"{row.area}: {row.name}\n{fault}")
    different = sum(bool(fault) for _, _, fault in results)
    console.print(f"{len(results) - different} of {len(results)} as natively")
    if len(sys.argv) > 1:
        _write(Path(sys.argv[1]), results)
    return any(fault for _, _, fault in results)


def _play(row: Row, directory: str, here: Path) -> tuple[Outcome | None, str]:
    """The outcome, and what is wrong with it. What came late gets a second chance: something else may have run."""
    try:
        outcome = row.play(directory, here)
        if outcome.is_late:
            outcome = row.play(directory, here.with_name(f"{here.name}-again"))
    except Exception as error:  # noqa: BLE001 - a row that cannot be played is red, whatever the reason
        return None, f"  {error}"
    native, seen = outcome.native, outcome.environment
    if not outcome.is_same:
        return outcome, f"  natively    {native.seen!r}\n  environment {seen.seen!r}"
    return outcome, f"  {native.seconds:.1f} s natively, {seen.seconds:.1f} s here" if outcome.is_late else ""


def _timings(outcome: Outcome | None) -> tuple[str, str]:
    return (outcome.native.timing, outcome.environment.timing) if outcome else ("", "")


def _write(path: Path, results: list[tuple[Row, Outcome | None, str]]) -> None:
    lines = [
        "# Behaviour matrix",
        "",
        "Each row was played twice, with the programs of the host and with those of an environment. Output, errors,",
        "status and, on terminals, all that the terminal showed were compared; of programs that draw, what the screen",
        "showed; of endings, which program was told what and that none was left. `make conformance` plays it again",
        "and writes this page.",
        "",
        "The last columns say how long a row took: at once (less than half a second), short (less than three) or long.",
        'A row that took more than three times as long as natively, and not at once either, would be a "no".',
        "",
        "| area | behaviour | as natively | natively | environment |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {row.area} | {row.name} | {'**no**' if fault else 'yes'} | {' | '.join(_timings(outcome))} |"
            for row, outcome, fault in results
        ),
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
