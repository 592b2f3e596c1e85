"""The rows of the behaviour matrix: each is played natively and through an environment, and both must show the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from integration.conformance import calls, screens
from tests.native import ending_scenarios, terminal_scenarios

__all__ = ["LINKS", "ROWS", "Outcome", "Row"]

NATIVE = "/usr/bin"

LINKS = tuple(f"/usr/bin/{name}" for name in sorted({*calls.PROGRAMS, *terminal_scenarios.PROGRAMS, *screens.PROGRAMS}))


AT_ONCE_S = 0.5
SHORT_S = 3.0
LATE = 3  # times as long as natively; what is at once takes as long as it may


@dataclass(frozen=True, slots=True)
class Played:
    """What was seen, and how long it took."""

    seen: str
    seconds: float

    @property
    def timing(self) -> str:
        """How long that is for a person."""
        return "at once" if self.seconds < AT_ONCE_S else "short" if self.seconds < SHORT_S else "long"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row played natively and through an environment."""

    native: Played
    environment: Played

    @property
    def is_same(self) -> bool:
        return self.native.seen == self.environment.seen

    @property
    def is_late(self) -> bool:
        """Whether a person would call it slower. Not exact on purpose: a busy machine must not make a row red."""
        return self.environment.seconds > LATE * max(self.native.seconds, AT_ONCE_S)


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour. `observe` plays it with the programs of a directory, in a working directory that it makes."""

    area: str
    name: str
    observe: Callable[[str, Path], str]

    def play(self, directory: str, here: Path) -> Outcome:
        """Play it both ways below `here`, which is made."""
        here.mkdir()
        return Outcome(self._play(NATIVE, here / "native"), self._play(directory, here / "environment"))

    def _play(self, directory: str, here: Path) -> Played:
        begun = time.monotonic()
        seen = self.observe(directory, here)
        return Played(seen, time.monotonic() - begun)


def _terminal(scenario: terminal_scenarios.Scenario, shell: str) -> Row:
    name = f"{scenario.__name__.replace('_', ' ')} ({shell})"
    return Row("terminal", name, lambda directory, here: terminal_scenarios.play(scenario, shell, directory, here))


def _call(call: calls.Call) -> Row:
    return Row(call.area, call.name, lambda directory, here: calls.observe(call, directory, here))


def _ending(ending: ending_scenarios.Ending) -> Row:
    return Row("ending", ending.name, lambda directory, here: ending_scenarios.play_ending(ending, directory, here))


def _screen(scenario: screens.Scenario) -> Row:
    name = scenario.__name__.replace("_", " ")
    return Row("programs", name, lambda directory, here: screens.play(scenario, directory, here))


ROWS = (
    *(_terminal(scenario, "bash") for scenario in terminal_scenarios.SCENARIOS),
    *(_terminal(scenario, shell) for scenario in terminal_scenarios.EVERY_SHELL for shell in ("zsh", "dash")),
    *(_ending(ending) for ending in ending_scenarios.ENDINGS),
    *(_screen(scenario) for scenario in screens.SCENARIOS),
    *(_call(call) for call in calls.CALLS),
)
