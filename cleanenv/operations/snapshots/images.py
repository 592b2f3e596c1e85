"""How a snapshot and its image know each other."""

from __future__ import annotations

import shlex

from cleanenv.engine.port import Engine
from cleanenv.environments import Environment
from cleanenv.errors import EngineError
from cleanenv.model.container import Container, Image
from cleanenv.model.history import History, Layer, Snapshot, chain_id
from cleanenv.operations.containers import ID_LABEL, SNAPSHOT_LABEL

__all__ = [
    "TEMPORARY_LABEL",
    "flat_layer",
    "image_of",
    "image_of_container",
    "labels_of",
    "layers_of",
    "remove_image_of",
    "repository_of",
    "tag_of",
    "temporary_labels",
]

# Of a container by which an image is read; its value is the environment's id.
TEMPORARY_LABEL = "cleanenv.temporary"


def repository_of(identifier: str) -> str:
    """The images of an environment are called so, and what comes after the colon."""
    return f"localhost/cleanenv/{identifier}"


def tag_of(identifier: str, number: int, *, flat: bool = False) -> str:
    """An image without a tag would go with the next `docker image prune`."""
    return f"{repository_of(identifier)}:{number}{'-flat' if flat else ''}"


def labels_of(identifier: str, number: int) -> dict[str, str]:
    """What the image of a snapshot carries beside its container's labels."""
    return {ID_LABEL: identifier, SNAPSHOT_LABEL: str(number)}


def temporary_labels(environment: Environment) -> dict[str, str]:
    """What a container has that is there to read its image: it is not the environment's, as its image says."""
    return {TEMPORARY_LABEL: environment.state.id, ID_LABEL: "", SNAPSHOT_LABEL: ""}


def image_of(engine: Engine, environment: Environment, snapshot: Snapshot) -> Image:
    """Raises EngineError when somebody removed it."""
    image = engine.image(snapshot.image_id)
    if image is None:
        root = shlex.quote(str(environment.paths.root))
        removal = f"cleanenv snapshot remove -e {root} {snapshot.id}"
        is_base = snapshot.parent is None
        raise EngineError(
            f"snapshot {snapshot.id} ({snapshot.name})",
            f"its image {environment.state.image_name if is_base else snapshot.image_id[7:19]} was removed"
            " from the engine",
            f"cleanenv create --clear {root}" if is_base else removal,
        )
    return image


def image_of_container(engine: Engine, environment: Environment, container: Container) -> Image:
    """The image of which it was made, without which the engine cannot save its state.

    Raises EngineError when somebody removed it, with the way to what is left.
    """
    image = engine.image(container.image_id)
    if image is not None:
        return image
    root = shlex.quote(str(environment.paths.root))
    left: Snapshot | None = environment.state.history.current
    while left is not None and engine.image(left.image_id) is None:
        left = None if left.parent is None else environment.state.history.get(left.parent)
    raise EngineError(
        f"environment {environment.paths.root}",
        "the image of its container was removed from the engine, so what is in the container cannot be saved",
        f"cleanenv snapshot restore --discard -e {root} {left.id}" if left else f"cleanenv create --clear {root}",
    )


def remove_image_of(engine: Engine, identifier: str, image_id: str) -> None:
    """Remove the image; one that somebody gave a name of his own is his, and only loses ours."""
    image = engine.image(image_id)
    if image is None:
        return
    own = [tag for tag in image.tags if tag.startswith(f"{repository_of(identifier)}:")]
    if len(own) == len(image.tags):
        engine.remove_image(image_id)
    else:
        for tag in own:
            engine.untag_image(tag)


def layers_of(history: History, base: Image, image: Image) -> tuple[Layer, ...]:
    """The layer that `image` has over `base`, from which its container was made, topmost last.

    The base's own come first, as one where the history does not know them, unless it is the base image. Where nothing
    has changed there are no more.
    """
    is_root = base.id == history.root.image_id
    below = chain_id(base.layers)
    found = [] if is_root else [history.layer(below) or Layer(below, "", base.size)]
    if image.layers != base.layers:
        found.append(Layer(chain_id(image.layers), "" if is_root else below, max(0, image.size - base.size)))
    return tuple(found)


def flat_layer(image: Image) -> Layer:
    """The one layer of a flat image."""
    return Layer(chain_id(image.layers), "", image.size)
