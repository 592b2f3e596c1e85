"""The rows of the behaviour matrix: each is played natively and through an environment, and both must show the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from integration.conformance import calls
from tests.native import ending_scenarios, terminal_scenarios

__all__ = ["LINKS", "ROWS", "Row"]

NATIVE = "/usr/bin"

# No image of a distribution has a pager in it; the host's is at hand.
LINKS = tuple(
    f"{name}:/r/usr/bin/{name}" if name == "less" else f"/usr/bin/{name}"
    for name in sorted({*calls.PROGRAMS, *terminal_scenarios.PROGRAMS})
)


@dataclass(frozen=True, slots=True)
class Row:
    """One behaviour. `observe` plays it with the programs of a directory, in a working directory that it makes."""

    area: str
    name: str
    observe: Callable[[str, Path], str]

    def difference(self, directory: str, here: Path) -> tuple[str, str] | None:
        """What was seen natively and through the environment, or None when it was the same."""
        here.mkdir()
        native = self.observe(NATIVE, here / "native")
        seen = self.observe(directory, here / "environment")
        return None if native == seen else (native, seen)


def _terminal(scenario: terminal_scenarios.Scenario, shell: str) -> Row:
    name = f"{scenario.__name__.replace('_', ' ')} ({shell})"
    return Row("terminal", name, lambda directory, here: terminal_scenarios.play(scenario, shell, directory, here))


def _call(call: calls.Call) -> Row:
    return Row(call.area, call.name, lambda directory, here: calls.observe(call, directory, here))


def _ending(ending: ending_scenarios.Ending) -> Row:
    return Row("ending", ending.name, lambda directory, here: ending_scenarios.play_ending(ending, directory, here))


ROWS = (
    *(_terminal(scenario, "bash") for scenario in terminal_scenarios.SCENARIOS),
    *(_terminal(scenario, shell) for scenario in terminal_scenarios.EVERY_SHELL for shell in ("zsh", "dash")),
    *(_ending(ending) for ending in ending_scenarios.ENDINGS),
    *(_call(call) for call in calls.CALLS),
)
