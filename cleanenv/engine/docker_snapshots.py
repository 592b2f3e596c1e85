"""Images of a container's state: made, made flat, and read back, by the docker SDK.

Whatever takes as long as its data is long uses a connection of its own, which `connect` opens with that much patience.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import docker
import docker.errors

from cleanenv.engine.docker_errors import tidy
from cleanenv.engine.docker_values import field_of, items_of, text_of
from cleanenv.engine.port import ProgressReport
from cleanenv.errors import EngineError

__all__ = ["Connect", "commit", "exported", "flatten", "import_file", "temporary_container"]

Connect = Callable[[], docker.APIClient]

# An imported image has no configuration; this is what the images of the registries say.
_IMPORT_CHANGES = ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]

_CHUNK = 1 << 20


def commit(connect: Connect, container_id: str, tag: str, labels: Mapping[str, str], *, pause: bool) -> str:
    """Make an image of the container's state; the id."""
    repository, _, name = tag.rpartition(":")
    changes = [f"LABEL {_quoted(key)}={_quoted(value)}" for key, value in labels.items()]
    with contextlib.closing(connect()) as api:
        # Podman takes labels from `changes` only.
        answer: object = api.commit(container_id, repository, name, pause=pause, changes=changes)
    return text_of(answer, "Id")


@contextlib.contextmanager
def temporary_container(api: docker.APIClient, image_id: str, labels: Mapping[str, str]) -> Iterator[str]:
    """A container of the image that is never started, and removed at the end."""
    created: object = api.create_container(image_id, command=["none"], entrypoint=["none"], labels=dict(labels))
    container_id = text_of(created, "Id")
    try:
        yield container_id
    finally:
        with contextlib.suppress(docker.errors.NotFound):
            api.remove_container(container_id, v=True, force=True)


@contextlib.contextmanager
def exported(connect: Connect, container_id: str) -> Iterator[Iterator[bytes]]:
    """The files of the container as a tar stream, without what is mounted in it."""
    with contextlib.closing(connect()) as api:
        yield api.export(container_id, chunk_size=_CHUNK)


def flatten(connect: Connect, image_data: object, chunks: Iterator[bytes], tag: str, progress: ProgressReport) -> str:
    """Make an image of one layer from a tar stream, configured as the image that was inspected is; the id."""
    size = field_of(image_data, "Size")
    total = size if isinstance(size, int) else None
    return _import_stream(connect, chunks, tag, _instructions(field_of(image_data, "Config")), total, progress)


def import_file(connect: Connect, path: str, tag: str, progress: ProgressReport) -> str:
    """Make an image of one layer from a tar file and tag it; the id."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - the with below is for the errors of opening alone
    except OSError as error:
        raise EngineError(f"import image {tag}", f"{path}: {error.strerror}") from error
    with file:
        size = os.fstat(file.fileno()).st_size
        return _import_stream(connect, iter(partial(file.read, _CHUNK), b""), tag, _IMPORT_CHANGES, size, progress)


def _import_stream(
    connect: Connect,
    chunks: Iterator[bytes],
    tag: str,
    changes: list[str],
    total: int | None,
    progress: ProgressReport,
) -> str:
    """Make an image of one layer from a tar stream and tag it; the id."""
    what = f"import image {tag}"

    # A generator: from a file the SDK announces chunks and sends none, "header line too long".
    def reported() -> Iterator[bytes]:
        sent = 0
        for chunk in chunks:
            yield chunk
            sent += len(chunk)
            progress(f"importing {tag}", sent, total)

    with contextlib.closing(connect()) as api:
        answer: str = api.import_image_from_stream(reported(), changes=changes)
        image_id = _imported_id(what, answer)
        # Tagged by itself: Podman's import ignores the tag and calls the image latest.
        repository, _, name = tag.rpartition(":")
        api.tag(image_id, repository, name, force=True)
    return image_id


def _imported_id(what: str, answer: str) -> str:
    """The id in the last line of the import's answer, one JSON value a line."""
    status: object = None
    for line in answer.splitlines():
        try:
            event: object = json.loads(line)
        except ValueError as error:
            raise EngineError(what, f"the engine's answer cannot be understood ({line!r:.80})") from error
        if isinstance(event, dict) and "error" in event:
            raise EngineError(what, tidy(str(event["error"])))
        status = event.get("status") if isinstance(event, dict) else None
    if not isinstance(status, str) or not status:
        raise EngineError(what, "the engine did not say the image's id")
    return status


def _instructions(config: object) -> list[str]:
    """The configuration of an image as the instructions that make it (Dockerfile reference)."""
    variables = (str(each).partition("=") for each in items_of(field_of(config, "Env")))
    lines = [f"ENV {name}={_quoted(value)}" for name, _, value in variables if "\n" not in value]
    labels = field_of(config, "Labels")
    if isinstance(labels, dict):
        lines += [f"LABEL {_quoted(str(key))}={_quoted(str(value))}" for key, value in labels.items()]
    volumes = field_of(config, "Volumes")
    if isinstance(volumes, dict) and volumes:
        lines.append(f"VOLUME {json.dumps(list(volumes))}")
    for key, instruction in (("User", "USER"), ("WorkingDir", "WORKDIR")):
        value = field_of(config, key)
        if isinstance(value, str) and value:
            lines.append(f"{instruction} {value}")
    for key, instruction in (("Entrypoint", "ENTRYPOINT"), ("Cmd", "CMD")):
        words = items_of(field_of(config, key))
        if words:
            lines.append(f"{instruction} {json.dumps(words)}")
    return lines


def _quoted(text: str) -> str:
    """As one word of an instruction, with nothing in it that is replaced."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'
