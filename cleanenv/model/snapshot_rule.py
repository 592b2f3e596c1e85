"""When a snapshot is taken by itself: after a run of a program, by its command line."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

from cleanenv.errors import UsageError
from cleanenv.model.history import check_snapshot_name

__all__ = ["DEFAULT_NAME", "SnapshotRule", "make_snapshot_rule"]

DEFAULT_NAME = "{program}-{id}"
# What a section of the configuration can be called.
_PROGRAM = re.compile(r"[\w.+@%:,~-]+")
_PLACES = ("{id}", "{date}", "{program}")


@dataclass(frozen=True, slots=True)
class SnapshotRule:
    """`program` is the name by which it is called; `pattern` is searched for in its command line (Python's re).

    `name` is what the snapshot is called, with {id}, {date} and {program} in it. `always` is after a failed run too.
    """

    program: str
    pattern: str
    name: str = DEFAULT_NAME
    always: bool = False

    def replaces(self, other: SnapshotRule) -> bool:
        """Whether the other one is that for the same snapshots."""
        return (self.program, self.name) == (other.program, other.name)

    def covers(self, program: str, command_line: str, *, succeeded: bool) -> bool:
        """Whether a snapshot is wanted after that run, if it has changed anything."""
        return (
            program == self.program and (succeeded or self.always) and re.search(self.pattern, command_line) is not None
        )


def make_snapshot_rule(program: str, pattern: str, name: str, what: str, *, always: bool = False) -> SnapshotRule:
    """The rule. Raises UsageError, naming `what`."""
    if not _PROGRAM.fullmatch(program):
        raise UsageError(what, f"{program!r} is no name of a program", "use the name by which it is called: pip")
    try:
        with warnings.catch_warnings():  # of what a later Python may read otherwise
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(
            what, f"{pattern!r} is no regular expression ({error})", "--pattern 'install|uninstall'"
        ) from error
    sample = name
    for place in _PLACES:
        sample = sample.replace(place, "x")
    check_snapshot_name(sample, f"{what}, name {name!r}")
    return SnapshotRule(program, pattern, name, always)
