"""A file of an image, which engines show in containers only: one is made for it, never started, and removed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable

import docker
import docker.errors

from cleanenv.engine.docker_values import text_of
from cleanenv.errors import EngineError

__all__ = ["read_file"]

_MAX_BYTES = 16 << 20


def read_file(client: docker.APIClient, image_id: str, path: str) -> bytes | None:
    """The content, None where there is no such file. Raises the SDK's errors, and EngineError for one of over 16 MB."""
    container_id = text_of(client.create_container(image_id, command=["-"], entrypoint=["-"]), "Id")
    try:
        chunks, _ = client.get_archive(container_id, path)
        return _first_file(_limited(chunks, path), path)
    except docker.errors.NotFound:
        return None
    finally:
        client.remove_container(container_id, v=True, force=True)


def _limited(chunks: Iterable[bytes], path: str) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > _MAX_BYTES:
            raise EngineError(f"read {path} of the image", "it is no small file")
    return bytes(data)


def _first_file(archive: bytes, path: str) -> bytes | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            member = tar.next()
            file = tar.extractfile(member) if member is not None and member.isreg() else None
            return None if file is None else file.read()
    except tarfile.TarError as error:
        raise EngineError(f"read {path} of the image", "the engine's answer cannot be understood") from error
