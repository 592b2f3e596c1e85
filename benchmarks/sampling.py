"""Measuring several things so that they can be compared: in turns, in a random order, after a warm-up.

What disturbs the machine then disturbs all of them alike. No figure here is ever an assertion.
"""

from __future__ import annotations

import gc
import random
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Sample", "interleave"]


@dataclass(frozen=True, slots=True)
class Sample:
    """The values of one thing over all rounds, in the order in which they were measured."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def p90(self) -> float:
        """Nine of ten values are not above it."""
        return sorted(self.values)[max(0, -(-9 * len(self.values) // 10) - 1)]


def interleave(
    measures: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    warm_up: int,
    on_round: Callable[[], None] = lambda: None,
) -> dict[str, Sample]:
    """Take each measure once a round, `rounds` times after `warm_up` rounds that do not count."""
    order = list(measures)
    shuffle = random.Random(1).shuffle  # noqa: S311 - not for secrets; the same order for everyone
    values: dict[str, list[float]] = {name: [] for name in measures}
    with _no_collector():
        for number in range(warm_up + rounds):
            shuffle(order)
            for name in order:
                value = measures[name]()
                if number >= warm_up:
                    values[name].append(value)
            on_round()
    return {name: Sample(tuple(sample)) for name, sample in values.items()}


@contextmanager
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
