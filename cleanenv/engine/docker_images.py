"""Images named, labelled, removed, and carried as archives, by the docker SDK."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus

import docker
import docker.errors

from cleanenv.engine.docker_errors import tidy
from cleanenv.engine.docker_values import field_of, items_of, text_of
from cleanenv.errors import EngineError
from cleanenv.model.container import Image

__all__ = ["label", "load", "remove", "saved", "untag"]

_CHUNK = 1 << 20


def remove(api: docker.APIClient, image: Image, engine: str, what: str) -> None:
    """Remove the image with all its tags. Raises EngineError when a container uses it."""
    listed = items_of(api.containers(all=True))
    users = [text_of(item, "Id") for item in listed if text_of(item, "ImageID").endswith(image.id[7:])]
    # Not left to the engine: Podman's force takes the containers with it.
    if users:
        raise EngineError(what, f"container {users[0][:12]} uses it", f"{engine} rm {users[0][:12]}")
    # By name, as an image that others were made of is not removed by its id.
    for name in image.tags or (image.id,):
        untag(api, name)


def untag(api: docker.APIClient, name: str) -> None:
    """Take the name away, with the last one the image; one that is gone is no error."""
    with contextlib.suppress(docker.errors.NotFound):
        api.remove_image(name)


def label(api: docker.APIClient, image_id: str, tag: str, labels: Mapping[str, str]) -> None:
    """Build an image of nothing but another one and labels."""
    what = f"label image {tag}"
    # Labels as an option: a line of the file that is built may not be longer than 64 kB. The id without its algorithm,
    # which Podman takes for a name.
    events = api.build(
        fileobj=_context(f"FROM {image_id.removeprefix('sha256:')}\n"),
        custom_context=True,
        tag=tag,
        labels=dict(labels),
        rm=True,
        forcerm=True,
        decode=True,
    )
    _check(what, events)


def _context(dockerfile: str) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        content = dockerfile.encode("ascii")
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer


@contextlib.contextmanager
def saved(connect: Callable[[], docker.APIClient], references: Sequence[str]) -> Iterator[Iterator[bytes]]:
    """The images as one archive. The SDK saves one image only, so this is the request of the Engine API."""
    with (
        contextlib.closing(connect()) as api,
        api.get(
            f"{api.base_url}/v{api.api_version}/images/get", params={"names": list(references)}, stream=True
        ) as answer,
    ):
        if answer.status_code != HTTPStatus.OK:
            raise EngineError("save the images", tidy(_message(answer.content)))
        yield answer.iter_content(_CHUNK)


def load(connect: Callable[[], docker.APIClient], chunks: Iterator[bytes]) -> None:
    """Take the images of an archive in."""
    with contextlib.closing(connect()) as api:
        events: Iterator[object] = api.load_image(chunks)  # type: ignore[no-untyped-call]
        _check("load the images", events)


def _check(what: str, events: Iterator[object]) -> None:
    """Read the engine's answer to its end. Raises EngineError for what went wrong."""
    for event in events:
        failure = field_of(event, "error")
        if failure:
            raise EngineError(what, tidy(str(failure)))


def _message(content: bytes) -> str:
    try:
        return str(field_of(json.loads(content), "message") or content)
    except ValueError:
        return content.decode("utf-8", "replace")
