"""Whether the container has changed since the snapshot from which it has come.

An image of it tells that, and costs what has changed; the engine's list of changed paths costs what there is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable

from cleanenv.engine.port import Engine
from cleanenv.environments import Environment
from cleanenv.model.container import AGENT_DIRECTORY, AGENT_PATH, HOST_DIRECTORY, Container, Image
from cleanenv.operations.snapshots.images import image_of, image_of_container, labels_of, tag_of

__all__ = ["has_changed", "is_unchanged", "own_paths"]

# What the agent writes when it starts (native/agent/users.c), where it is not there yet.
_ACCOUNTS = ("/etc/passwd", "/etc/group", "/etc/sudoers.d/cleanenv")
# A tar of nothing: two empty blocks.
_EMPTY_LAYER = "sha256:" + hashlib.sha256(bytes(1024)).hexdigest()


def has_changed(engine: Engine, environment: Environment, container: Container) -> bool:
    """Whether an image of it would hold anything new; one is made for a trial, and removed.

    Raises EngineError where the engine cannot make any.
    """
    image_of_container(engine, environment, container)
    number = environment.state.history.next_id
    trial = engine.commit_container(
        container.id, tag_of(environment.state.id, number), labels_of(environment.state.id, number)
    )
    try:
        return not is_unchanged(engine, environment, container, trial)
    finally:
        engine.remove_image(trial.id)


def is_unchanged(engine: Engine, environment: Environment, container: Container, image: Image) -> bool:
    """Whether the image that was just made of the container holds what the present snapshot does."""
    current = environment.state.history.current
    image_before = image_of(engine, environment, current)
    if _content(image) == _content(image_before):
        return True
    if container.image_id != image_before.id or current.parent is not None:
        return False
    return own_paths(environment, from_base=True).issuperset(engine.changed_paths(container.id))


def _content(image: Image) -> tuple[str, ...]:
    """Its layers without those that hold nothing, which some engines make."""
    return tuple(layer for layer in image.layers if layer != _EMPTY_LAYER)


def own_paths(environment: Environment, *, from_base: bool) -> frozenset[str]:
    """The paths that differ from an image without anybody having changed them: mount points, and the agent's files.

    `from_base`: it is the base image, in which the user is not.
    """
    state = environment.state
    paths = [
        AGENT_PATH,
        AGENT_DIRECTORY,
        HOST_DIRECTORY,
        state.user.home,
        *(mount.container for mount in state.mounts),
    ]
    if from_base:
        paths += _ACCOUNTS
    return frozenset(_with_parents(paths))


def _with_parents(paths: Iterable[str]) -> Iterable[str]:
    for path in paths:
        while path not in ("", "/"):
            yield path
            path = os.path.dirname(path)  # noqa: PLW2901 (a path and those above it)
