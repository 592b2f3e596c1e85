"""`python -m integration.conformance [FILE]`: play the behaviour matrix, print it, and write it to a Markdown file."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import environment
from integration.conformance.matrix import LINKS, ROWS


def main() -> int:
    """Returns 1 when a row is red."""
    results = []
    with environment.made(None, LINKS) as made, tempfile.TemporaryDirectory(prefix="cleanenv-matrix.") as place:
        for number, row in enumerate(track(ROWS, "playing", console=Console(stderr=True), transient=True)):
            try:
                difference = row.difference(made.bin, Path(place, str(number)))
            except Exception as error:  # noqa: BLE001 - a row that cannot be played is red, whatever the reason
                difference = ("", str(error))
            results.append((row, difference))
    red = [(row, *difference) for row, difference in results if difference]
    table = Table("area", "behaviour", "as natively")
    for row, difference in results:
        table.add_row(row.area, row.name, "[red]no[/red]" if difference else "yes")
    console = Console(highlight=False, markup=False, soft_wrap=True)
    Console().print(table)
    for row, native, seen in red:
        console.print(f"{row.area}: {row.name}\n  natively    {native!r}\n  environment {seen!r}")
    console.print(f"{len(results) - len(red)} of {len(results)} as natively")
    if len(sys.argv) > 1:
        _write(Path(sys.argv[1]), [(row.area, row.name, not difference) for row, difference in results])
    return bool(red)


def _write(path: Path, rows: list[tuple[str, str, bool]]) -> None:
    lines = [
        "# Behaviour matrix",
        "",
        "Each row was played twice, with the programs of the host and with those of an environment; output, errors,",
        "status and, on terminals, all that the terminal showed were compared. `make conformance` plays it again and",
        "writes this page.",
        "",
        "| area | behaviour | as natively |",
        "| --- | --- | --- |",
        *(f"| {area} | {name} | {'yes' if same else '**no**'} |" for area, name, same in rows),
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
