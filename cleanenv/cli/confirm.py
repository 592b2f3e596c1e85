"""Questions before something is done that cannot be undone, or that others would feel."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from cleanenv.errors import EnvironmentStateError
from cleanenv.sessions import Session

__all__ = ["ask", "ask_about_shells"]


def ask(what: str, why: str, hint: str) -> None:
    """Go on if the user says so. Raises EnvironmentStateError if not; without a terminal it says what to type."""
    if not sys.stdin.isatty():
        raise EnvironmentStateError(what, why, hint)
    if not click.confirm(f"{what}: {why}. Go on?", err=True):
        raise EnvironmentStateError(what, "nothing was done")


def ask_about_shells(what: str, sessions: Sequence[Session], hint: str) -> None:
    """Ask if shells are in the environment. Whoever is in it and types this knows of one."""
    from cleanenv.processes import ancestors, name_of

    own = ancestors()
    others = [session for session in sessions if session.pid not in own]
    if others:
        shells = ", ".join(f"{each.pid} {name_of(each.pid)}".strip() for each in others)
        ask(what, f"shells are in it ({shells})", hint)
