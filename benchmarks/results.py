"""The figures of a run as values: what the table shows and the JSON file holds."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.sampling import Sample

__all__ = ["Figure", "Results", "Section", "Target", "at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. Without a sample it was not measured, and `note` says why."""

    key: str
    title: str
    sample: Sample | None = None
    ratio: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Figures of one unit that were measured in turns; `compared` heads the column of ratios."""

    key: str
    title: str
    unit: str
    figures: tuple[Figure, ...]
    compared: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What the project wants a figure to be. A missed one is shown, and is never an error."""

    title: str
    bound: str
    value: float
    is_met: bool


@dataclass(slots=True)
class Results:
    """Everything that a run found out. `facts` tell what was measured, and where."""

    facts: dict[str, str] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def median(self, section: str, figure: str) -> float | None:
        """The median of a figure, or None when it was not measured."""
        for candidate in (f for s in self.sections if s.key == section for f in s.figures):
            if candidate.key == figure and candidate.sample is not None:
                return candidate.sample.median
        return None

    def to_object(self) -> dict[str, object]:
        """The results as JSON values."""
        return {
            "facts": self.facts,
            "sections": {
                section.key: {
                    "unit": section.unit,
                    "figures": {figure.key: _figure_object(figure) for figure in section.figures},
                }
                for section in self.sections
            },
            "targets": [{"title": t.title, "bound": t.bound, "value": t.value, "met": t.is_met} for t in self.targets],
        }


def at_most(title: str, value: float | None, bound: float, unit: str = "") -> list[Target]:
    """The target that the value is not above the bound; none for what was not measured."""
    return _target(title, value, f"≤ {bound:g}{unit}", lambda v: operator.le(v, bound))


def at_least(title: str, value: float | None, bound: float, unit: str = "") -> list[Target]:
    """The target that the value is not below the bound; none for what was not measured."""
    return _target(title, value, f"≥ {bound:g}{unit}", lambda v: operator.ge(v, bound))


def _target(title: str, value: float | None, bound: str, is_met: Callable[[float], bool]) -> list[Target]:
    return [] if value is None else [Target(title, bound, value, is_met(value))]


def _figure_object(figure: Figure) -> dict[str, object]:
    if figure.sample is None:
        return {"title": figure.title, "not_measured": figure.note}
    return {
        "title": figure.title,
        "median": figure.sample.median,
        "p90": figure.sample.p90,
        "ratio": figure.ratio,
        "values": list(figure.sample.values),
    }
