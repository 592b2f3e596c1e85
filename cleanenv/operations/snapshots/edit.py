"""Rename and remove snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, changing, save_state
from cleanenv.errors import EngineError
from cleanenv.model.history import History, Snapshot
from cleanenv.operations.hooks import Warn
from cleanenv.operations.snapshots.images import remove_image_of
from cleanenv.operations.snapshots.leftovers import remove_leftovers

__all__ = ["Removed", "forget", "prune", "remove", "rename"]


@dataclass(frozen=True, slots=True)
class Removed:
    """The snapshots that are gone, or would be, and the bytes that are free with that."""

    snapshots: tuple[Snapshot, ...]
    size: int

    @classmethod
    def between(cls, before: History, after: History) -> Removed:
        """What the step from one to the other has removed, or would."""
        kept = {each.id for each in after.snapshots}
        return cls(tuple(each for each in before.snapshots if each.id not in kept), before.freed_by(after))


def rename(root: Path, text: str, name: str) -> Snapshot:
    """Give a snapshot another name. Raises UsageError for one that is taken."""
    with changing(root, with_configuration=False) as environment:
        history = environment.state.history
        snapshot = history.find(text)
        history = history.renamed(snapshot.id, name)
        save_state(environment.paths, replace(environment.state, history=history))
        return history.get(snapshot.id)


def remove(root: Path, texts: tuple[str, ...], *, cascade: bool, connect: Callable[[], Engine], warn: Warn) -> Removed:
    """Remove snapshots, with `cascade` also those that stand on them; all that were named, or none."""

    def without(history: History) -> History:
        # The latest first: of two that stand on each other both may be meant.
        numbers = sorted({history.find(text).id for text in texts}, reverse=True)
        for number in numbers:
            if any(each.id == number for each in history.snapshots):
                history = history.without(number, cascade=cascade)
        return history

    return _change(root, without, connect=connect, warn=warn)


def prune(root: Path, *, connect: Callable[[], Engine], warn: Warn) -> Removed:
    """Remove the branches that were left, and what killed commands have left in the engine."""
    return _change(root, History.pruned, connect=connect, warn=warn)


def forget(engine: Engine, environment: Environment, after: History, warn: Warn) -> Removed:
    """Make that the history, then remove the images that it has no more. For who holds the environment's lock."""
    before = environment.state.history
    changed = replace(environment, state=replace(environment.state, history=after))
    save_state(changed.paths, changed.state)
    removed = Removed.between(before, after)
    for snapshot in reversed(removed.snapshots):  # the engine keeps what others stand on
        try:
            remove_image_of(engine, environment.state.id, snapshot.image_id)
        except EngineError as error:
            warn(f"{error}; the next cleanenv snapshot command tries again")
    remove_leftovers(engine, changed)
    return removed


def _change(root: Path, step: Callable[[History], History], *, connect: Callable[[], Engine], warn: Warn) -> Removed:
    with changing(root, with_configuration=False) as environment:
        after = step(environment.state.history)
        return forget(connect(), environment, after, warn)
