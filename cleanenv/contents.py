"""What a root file system holds, from its tar stream: files, and the packages that its package managers know.

A stream is read once and nothing of it is kept but a digest of each file.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from cleanenv.errors import EngineError

__all__ = ["Contents", "File", "Package", "read_contents"]

_CHUNK = 1 << 16
_DPKG_STATUS = "var/lib/dpkg/status"
# NAME-VERSION.dist-info/METADATA (recording installed projects, PyPA) and the older NAME-VERSION…egg-info.
_PYTHON = re.compile(
    r"(?:.*/)?(?:site|dist)-packages/([A-Za-z0-9_.]+)-([^-/]+)(?:-py[\d.]+)?\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?)"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file, directory, link or device. `digest` says its content, of a link where it leads. Times are left out."""

    size: int
    mode: int
    owner: tuple[int, int]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Package:
    """A package of a manager ("deb", "pip")."""

    manager: str
    name: str


@dataclass(frozen=True, slots=True)
class Contents:
    """Files by their absolute path, versions by package."""

    files: dict[str, File]
    packages: dict[Package, str]


def read_contents(chunks: Iterator[bytes]) -> Contents:
    """Read the stream to its end. Raises EngineError for one that is cut short or no tar."""
    files: dict[str, File] = {}
    packages: dict[Package, str] = {}
    try:
        with tarfile.open(fileobj=io.BufferedReader(_Stream(chunks), _CHUNK), mode="r|") as tar:
            for member in tar:
                path = "/" + member.name.strip("/")
                content = tar.extractfile(member) if member.isreg() else None
                kept = bytearray() if member.name == _DPKG_STATUS else None
                files[path] = File(
                    size=member.size,
                    mode=member.mode | (member.type[0] << 16),
                    owner=(member.uid, member.gid),
                    digest=_digest(member.linkname, content, kept),
                )
                if kept is not None:
                    packages.update(_debian(kept.decode("utf-8", "replace")))
                python = _PYTHON.fullmatch(member.name)
                if python:
                    packages[Package("pip", _normal(python[1]))] = python[2]
    except (tarfile.TarError, EOFError) as error:
        raise EngineError("read an image", f"its stream is damaged ({error})") from error
    return Contents(files, packages)


def _digest(link: str, content: IO[bytes] | None, kept: bytearray | None) -> bytes:
    digest = hashlib.blake2b(link.encode("utf-8", "surrogateescape"), digest_size=16)
    while content is not None and (chunk := content.read(_CHUNK)):
        digest.update(chunk)
        if kept is not None:
            kept += chunk
    return digest.digest()


def _debian(status: str) -> Iterator[tuple[Package, str]]:
    """The installed ones of a dpkg status file (deb-control(5))."""
    for paragraph in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            yield Package("deb", fields["Package"]), fields.get("Version", "")


def _normal(name: str) -> str:
    """As the index of packages spells it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


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
