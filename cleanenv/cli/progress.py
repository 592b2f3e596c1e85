"""Progress on a terminal; nothing in a pipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cleanenv.engine.port import ProgressReport

__all__ = ["showing_progress"]


@contextlib.contextmanager
def showing_progress() -> Iterator[ProgressReport]:
    """A function to report progress to. Shows one line on stderr, which is gone at the end."""
    console = Console(stderr=True)
    if not sys.stderr.isatty() or console.is_dumb_terminal:
        yield lambda _what, _done, _total: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task: TaskID = progress.add_task("", total=None)
        shown = ""

        def report(what: str, done: int, total: int | None) -> None:
            nonlocal shown
            if what != shown:
                progress.reset(task, description=what, total=total, completed=done)
                shown = what
            progress.update(task, completed=done, total=total)

        yield report
