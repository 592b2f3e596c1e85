"""What a root file system holds, from its tar stream: files, and the packages that its package managers know.

A stream is read once and nothing of it is kept but a digest of each file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from cleanenv.errors import EngineError
from cleanenv.model.package import Package
from cleanenv.packages import PackageReader, is_record

__all__ = ["Contents", "File", "read_contents", "read_packages"]

_CHUNK = 1 << 16
_RECORD_MAX = 64 << 20  # bytes; what a container holds is not to be believed


@dataclass(frozen=True, slots=True)
class File:
    """A file, directory, link or device. `digest` says its content, of a link where it leads. Times are left out."""

    size: int
    mode: int
    owner: tuple[int, int]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Contents:
    """Files by their absolute path, versions by package."""

    files: dict[str, File]
    packages: dict[Package, str]


def read_contents(chunks: Iterator[bytes]) -> Contents:
    """Read the stream to its end. Raises EngineError for one that is cut short or no tar."""
    files: dict[str, File] = {}
    reader = PackageReader()
    with _opened(chunks) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            kept = bytearray() if is_record(member.name) and member.size <= _RECORD_MAX else None
            files["/" + member.name.strip("/")] = File(
                size=member.size,
                mode=member.mode | (member.type[0] << 16),
                owner=(member.uid, member.gid),
                digest=_digest(member.linkname, content, kept),
            )
            reader.add(member.name, bytes(kept or b""))
    return Contents(files, reader.packages)


def read_packages(chunks: Iterator[bytes]) -> dict[Package, str]:
    """The packages alone, which takes a fraction of the time. Raises EngineError as read_contents does."""
    reader = PackageReader()
    with _opened(chunks) as tar:
        for member in tar:
            is_wanted = member.isreg() and is_record(member.name) and member.size <= _RECORD_MAX
            content = tar.extractfile(member) if is_wanted else None
            reader.add(member.name, content.read() if content is not None else b"")
    return reader.packages


@contextlib.contextmanager
def _opened(chunks: Iterator[bytes]) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=io.BufferedReader(_Stream(chunks), _CHUNK), mode="r|") as tar:
            yield tar
    except (tarfile.TarError, EOFError) as error:
        raise EngineError("read an image", f"its stream is damaged ({error})") from error


def _digest(link: str, content: IO[bytes] | None, kept: bytearray | None) -> bytes:
    digest = hashlib.blake2b(link.encode("utf-8", "surrogateescape"), digest_size=16)
    while content is not None and (chunk := content.read(_CHUNK)):
        digest.update(chunk)
        if kept is not None:
            kept += chunk
    return digest.digest()


class _Stream(io.RawIOBase):
    """Chunks as a file that is read in order."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
