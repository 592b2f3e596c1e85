"""Snapshots after the runs of programs: which are due, and one after the other."""

from __future__ import annotations

import contextlib
import os
import threading

from cleanenv.errors import UsageError
from cleanenv.model.snapshot_rule import SnapshotRule
from cleanenv.server.command import Command
from cleanenv.server.settings import ServerSettings

__all__ = ["AutomaticSnapshots"]

_TIMEOUT_S = 1800.0  # reading gigabytes takes its time


class AutomaticSnapshots:
    """For several threads. Runs that end at the same time are served in the order in which they were told of.

    `waiting` are those that are told of and not served yet.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._last = threading.Event()
        self._last.set()
        self.waiting = 0

    def replace(self, settings: ServerSettings) -> None:
        """Act by these from now on."""
        self._settings = settings

    def after(self, run: object) -> tuple[str, ...]:
        """Take a snapshot if one is due after the run; what is to be said of it.

        Raises UsageError for what tells of no run, EngineError when it cannot be taken.
        """
        program, line, succeeded = _run(run)
        rules = self._settings.snapshot_rules
        rule = next((each for each in rules if each.covers(program, line, succeeded=succeeded)), None)
        if rule is None:
            return ()
        with self._lock:
            before, done = self._last, threading.Event()
            self._last = done
            self.waiting += 1
        try:
            before.wait()  # bounded by that one's own time
            return self._command(rule, program, line).run()
        finally:
            with self._lock:
                self.waiting -= 1
            done.set()

    def _command(self, rule: SnapshotRule, program: str, line: str) -> Command:
        settings = self._settings
        words = ["snapshot", "automatic", f"--name={rule.name}", f"--program={program}", f"--cause={line}"]
        command = (settings.python, "-m", "cleanenv", *words, "-e", settings.environment)
        return Command("snapshot", command, settings.process_variables(), _TIMEOUT_S)


def _run(argument: object) -> tuple[str, str, bool]:
    """The program's name, its command line, and whether it succeeded (native/launcher/snapshot.c)."""
    if isinstance(argument, str) and argument[:1] in ("0", "1"):
        with contextlib.suppress(ValueError):
            words = os.fsdecode(bytes.fromhex(argument[1:])).split("\0")
            # A long one is cut somewhere.
            return words[0], " ".join(words).removesuffix(" "), argument[0] == "1"
    raise UsageError("snapshot", f"{argument!r:.80} tells of no run of a program")
