"""The results as tables for a person."""

from __future__ import annotations

import os

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import Figure, Results, Section, Target

__all__ = ["show"]

_WIDTH_IN_A_PIPE = 100


def show(results: Results) -> None:
    """Print all figures, then what they were to be."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(highlight=False, width=_WIDTH_IN_A_PIPE)
    for name, text in results.facts.items():
        console.print(f"[dim]{name}:[/dim] {text}", soft_wrap=True)
    for section in results.sections:
        console.print()
        console.print(_section_table(section))
    if results.targets:
        console.print()
        console.print(_target_table(results.targets))


def _section_table(section: Section) -> Table:
    table = _table(section.title)
    is_compared = any(figure.ratio is not None for figure in section.figures)
    table.add_column("", min_width=34)
    table.add_column("median", justify="right")
    table.add_column("90 %", justify="right")
    if is_compared:
        table.add_column(section.compared, justify="right")
    for figure in section.figures:
        table.add_row(*_cells(figure, section.unit, is_compared=is_compared))
    return table


def _cells(figure: Figure, unit: str, *, is_compared: bool) -> list[str]:
    if figure.sample is None:
        return [figure.title, "-", "-", *(["-"] if is_compared else []), figure.note]
    cells = [figure.title, f"{_number(figure.sample.median)} {unit}", f"{_number(figure.sample.p90)} {unit}"]
    if is_compared:
        cells.append("" if figure.ratio is None else _number(figure.ratio))
    return cells


def _target_table(targets: list[Target]) -> Table:
    table = _table("targets")
    table.add_column("", min_width=34)
    table.add_column("figure", justify="right")
    table.add_column("target", justify="right")
    table.add_column("")
    for target in targets:
        met = "[green]met[/green]" if target.is_met else "[red]missed[/red]"
        table.add_row(target.title, _number(target.value), target.bound, met)
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)


def _number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
