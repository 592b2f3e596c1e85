"""Configure after which runs a snapshot is taken by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cleanenv.environments import changing, open_environment
from cleanenv.errors import UsageError
from cleanenv.model.host import Host
from cleanenv.model.snapshot_rule import SnapshotRule
from cleanenv.operations import live

__all__ = ["add_rule", "remove_rules", "rules_of"]


def rules_of(root: Path) -> tuple[SnapshotRule, ...]:
    """The rules of the environment, in the order in which they are looked at."""
    return open_environment(root).configuration.snapshot_rules


def add_rule(root: Path, rule: SnapshotRule, host: Host) -> None:
    """Take a snapshot after such runs from now on; a rule for the same program and name is replaced."""
    _change(root, lambda rules: (*(each for each in rules if not rule.replaces(each)), rule), host)


def remove_rules(root: Path, program: str, pattern: str | None, host: Host) -> None:
    """Take out the rules for a program, or the one with that pattern. Raises UsageError when there is none."""

    def without(rules: tuple[SnapshotRule, ...]) -> tuple[SnapshotRule, ...]:
        kept = tuple(each for each in rules if each.program != program or pattern not in (None, each.pattern))
        if len(kept) == len(rules):
            raise UsageError(f"snapshots after {program}", "there is no such rule", "cleanenv snapshot configure")
        return kept

    _change(root, without, host)


def _change(root: Path, step: Callable[[tuple[SnapshotRule, ...]], tuple[SnapshotRule, ...]], host: Host) -> None:
    with changing(root) as environment:
        configuration = environment.configuration
        live.publish(environment, replace(configuration, snapshot_rules=step(configuration.snapshot_rules)), host)
