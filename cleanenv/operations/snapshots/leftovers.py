"""What a command that was killed has left in the engine."""

from __future__ import annotations

import contextlib
from pathlib import Path

from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, holding
from cleanenv.errors import EngineError
from cleanenv.files import is_locked, locked_if_free
from cleanenv.model.container import Container
from cleanenv.model.history import Snapshot
from cleanenv.operations.containers import ID_LABEL, SNAPSHOT_LABEL, remove_others
from cleanenv.operations.snapshots.images import TEMPORARY_LABEL, remove_image_of, repository_of

__all__ = ["has_leftovers", "mend_leftovers", "missing_images", "remove_all", "remove_leftovers"]


def remove_leftovers(engine: Engine, environment: Environment) -> None:
    """Remove containers and images that carry the environment's label, and of which its state does not speak.

    For who holds its lock. What a command is at work on without that lock stays.
    """
    remove_others(engine, environment)
    with locked_if_free(environment.runtime.exports) as nobody_exports:
        if nobody_exports:
            _remove(engine, environment.state.id, _known(environment))


def remove_all(engine: Engine, identifier: str) -> None:
    """Remove the snapshots of an environment, and what was at work on them. Its container is gone already."""
    _remove(engine, identifier, frozenset())


def has_leftovers(engine: Engine, environment: Environment) -> bool:
    """Whether there is anything to remove, and nobody at work on it."""
    if is_locked(environment.runtime.lock) or is_locked(environment.runtime.exports):
        return False
    identifier, known = environment.state.id, _known(environment)
    others = [
        each for each in engine.containers(f"{ID_LABEL}={identifier}") if each.id != environment.state.container_id
    ]
    return bool(others or _temporary(engine, identifier) or _images(engine, identifier, known))


def mend_leftovers(root: Path, engine: Engine) -> None:
    """Remove what a killed command left of the environment at `root`."""
    with holding(root, with_configuration=False) as environment:
        remove_leftovers(engine, environment)


def missing_images(engine: Engine, environment: Environment) -> tuple[Snapshot, ...]:
    """The snapshots whose images somebody removed. The base image is not one of them."""
    there = {image.id for image in engine.labelled_images(f"{ID_LABEL}={environment.state.id}")}
    return tuple(each for each in environment.state.history.snapshots[1:] if each.image_id not in there)


def _remove(engine: Engine, identifier: str, known: frozenset[str]) -> None:
    """The latest images first: the engine keeps what others stand on, and what a container is made of."""
    for container in _temporary(engine, identifier):
        engine.remove_container(container.id)
    for image_id in _images(engine, identifier, known):
        with contextlib.suppress(EngineError):  # it goes with a later command
            remove_image_of(engine, identifier, image_id)


def _known(environment: Environment) -> frozenset[str]:
    return frozenset(each.image_id for each in environment.state.history.snapshots)


def _temporary(engine: Engine, identifier: str) -> tuple[Container, ...]:
    return engine.containers(f"{TEMPORARY_LABEL}={identifier}")


def _images(engine: Engine, identifier: str, known: frozenset[str]) -> list[str]:
    """Those of unknown snapshots, by their numbers from the last on, after what was packed for an archive."""
    own = f"{repository_of(identifier)}:"
    numbers = {
        image.id: int(number)
        for image in engine.labelled_images(f"{ID_LABEL}={identifier}")
        # A user's own image of the container has none, and one that only he has a name for is his.
        if image.id not in known
        and (number := dict(image.labels).get(SNAPSHOT_LABEL, "")).isdecimal()
        and (not image.tags or any(tag.startswith(own) for tag in image.tags))
    }
    packed = [image.id for image in engine.labelled_images(f"{TEMPORARY_LABEL}={identifier}")]
    return packed + sorted(numbers, key=lambda each: numbers[each], reverse=True)
