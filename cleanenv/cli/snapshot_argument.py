"""A snapshot that is named on the command line, and what a shell offers for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from cleanenv.cli.context import environment_root
from cleanenv.errors import CleanenvError
from cleanenv.model.history import History
from cleanenv.model.state import State

if TYPE_CHECKING:
    import click

__all__ = ["complete_snapshot", "read_history", "read_state"]


def read_state(environment: str | None) -> State:
    """That of the environment that is meant."""
    from cleanenv.environments import open_environment

    return open_environment(environment_root(environment), with_configuration=False).state


def read_history(environment: str | None) -> History:
    """That of the environment that is meant."""
    return read_state(environment).history


def complete_snapshot(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The names that begin like that; none where there is no environment to ask."""
    try:
        history = read_history(context.params.get("environment"))
    except CleanenvError:
        return []
    return [
        CompletionItem(each.name, help=f"snapshot {each.id}")
        for each in history.snapshots
        if each.name.startswith(incomplete)
    ]
