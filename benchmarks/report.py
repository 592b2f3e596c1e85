"""The results as tables for a person."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.results import Figure, Results, Section, Target

__all__ = ["show"]

_WIDTH = 80  # a narrower terminal wraps; a wider one is not needed


def show(results: Results, *, with_targets: bool) -> None:
    """Print all figures, then what they were to be."""
    console = Console(highlight=False, width=_WIDTH)
    for name, text in results.facts.items():
        console.print(f"[dim]{name}:[/dim] {text}", soft_wrap=True)
    for section in results.sections:
        console.print(_section_table(section))
        for figure in section.figures:
            if figure.sample is None:
                console.print(f"[dim]{figure.title}: {figure.note}[/dim]", soft_wrap=True)
    if with_targets and results.targets:
        console.print(_target_table(results.targets))


def _section_table(section: Section) -> Table:
    measured = [figure for figure in section.figures if figure.sample is not None]
    is_compared = any(figure.ratio is not None for figure in measured)
    is_sampled = any(len(figure.sample.values) > 1 for figure in measured if figure.sample)
    table = _table(section.title)
    table.add_column("median" if is_sampled else "", justify="right")
    if is_sampled:
        table.add_column("90 %", justify="right")
    if is_compared:
        table.add_column(section.compared, justify="right")
    for figure in measured:
        cells = _cells(figure, section.unit, is_compared=is_compared)
        table.add_row(*(cells if is_sampled else [*cells[:2], *cells[3:]]))
    return table


def _cells(figure: Figure, unit: str, *, is_compared: bool) -> list[str]:
    assert figure.sample is not None
    cells = [figure.title, f"{_number(figure.sample.median)} {unit}", f"{_number(figure.sample.p90)} {unit}"]
    if is_compared:
        cells.append("" if figure.ratio is None else _number(figure.ratio))
    return cells


def _target_table(targets: list[Target]) -> Table:
    table = _table("targets")
    table.add_column("", justify="right")
    table.add_column("target", justify="right")
    table.add_column("")
    for target in targets:
        met = "[green]met[/green]" if target.is_met else "[red]missed[/red]"
        table.add_row(target.title, _number(target.value), target.bound, met)
    return table


def _table(title: str) -> Table:
    """A table with one column: for the names of the rows, as wide in every table."""
    table = Table(
        title=f"\n{title}",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )
    table.add_column("", min_width=38)
    return table


def _number(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
