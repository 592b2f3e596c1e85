"""The engine's JSON turned into cleanenv's values, and names into the form that every engine understands."""

from __future__ import annotations

import re

from cleanenv.errors import EngineError
from cleanenv.model.container import Container, Image, LabelledImage

__all__ = [
    "container_of",
    "field_of",
    "image_of",
    "items_of",
    "labelled_image_of",
    "qualified",
    "text_of",
    "with_prefix",
]

_ID = re.compile(r"(sha256:)?[0-9a-f]{12,64}")


def image_of(data: object) -> Image:
    """The image that an inspection describes."""
    config = field_of(data, "Config")
    size = field_of(data, "Size")
    return Image(
        id=with_prefix(text_of(data, "Id")),
        tags=_tags(data),
        environment=_texts(config, "Env"),
        volumes=tuple(_map(config, "Volumes")),
        size=size if isinstance(size, int) else 0,
        layers=_texts(field_of(data, "RootFS"), "Layers"),
        digests=tuple(digest for digest in _texts(data, "RepoDigests") if "<none>" not in digest),
        labels=_labels(config),
    )


def labelled_image_of(data: object) -> LabelledImage:
    """The image that an item of a list describes."""
    return LabelledImage(id=with_prefix(text_of(data, "Id")), labels=_labels(data), tags=_tags(data))


def container_of(data: object) -> Container:
    """The container that an inspection describes."""
    state = field_of(data, "State")
    pid = field_of(state, "Pid")
    return Container(
        id=text_of(data, "Id"),
        name=text_of(data, "Name").removeprefix("/"),
        image_id=with_prefix(text_of(data, "Image")),
        status=text_of(state, "Status"),
        pid=pid if isinstance(pid, int) else 0,
        labels=_labels(field_of(data, "Config")),
    )


def items_of(data: object) -> list[object]:
    """The items of a list of the engine (null stands for an empty one)."""
    return list(data) if isinstance(data, list) else []


def field_of(data: object, name: str) -> object:
    """A field of an object of the engine, None where it is missing (or what should have it is no object)."""
    return data.get(name) if isinstance(data, dict) else None


def text_of(data: object, name: str) -> str:
    """The text of a field that every answer has."""
    value = field_of(data, name)
    if not isinstance(value, str):
        raise EngineError("read the engine's answer", f"it has no field {name}")
    return value


def with_prefix(image_id: str) -> str:
    """An image's id with its algorithm; Podman leaves that out."""
    return image_id if image_id.startswith("sha256:") else "sha256:" + image_id


def qualified(reference: str) -> str:
    """The reference with its registry: only Docker takes a bare `debian` for Docker Hub's."""
    first, slash, _ = reference.partition("/")
    if _ID.fullmatch(reference) or (slash and (first == "localhost" or "." in first or ":" in first)):
        return reference
    return "docker.io/" + (reference if slash else "library/" + reference)


def _tags(data: object) -> tuple[str, ...]:
    # An image without a name is called <none>:<none> by some versions.
    return tuple(tag for tag in _texts(data, "RepoTags") if "<none>" not in tag)


def _labels(data: object) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in _map(data, "Labels").items()))


def _map(data: object, name: str) -> dict[str, object]:
    value = field_of(data, name)
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def _texts(data: object, name: str) -> tuple[str, ...]:
    return tuple(item for item in items_of(field_of(data, name)) if isinstance(item, str))
