"""Archives of images as `docker save` writes them, read without an engine, and written with other names and labels.

An archive comes from anywhere. Nothing of it reaches an engine as it is but layers, whose content the engine compares
with what the configurations say, and configurations without the labels that say what is cleanenv's.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cleanenv.errors import UsageError
from cleanenv.model.json_values import objects, text

__all__ = ["ArchivedImage", "ImageArchive", "NamedImage"]

_MANIFEST = "manifest.json"
_MANIFEST_MAX = 64 << 20
_CONFIGURATION_MAX = 16 << 20
_LINKS_MAX = 8
_CHUNK = 1 << 20
_CUT = "it ends too early"
_HINT = "cleanenv freeze --output FILE writes one"
# What a damaged archive makes the libraries raise.
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, ValueError, LookupError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image of an archive: its tags, its configuration, what its layers hold (diff ids), the members with them."""

    tags: tuple[str, ...]
    configuration: dict[str, object]
    layers: tuple[str, ...]
    members: tuple[str, ...]

    @property
    def labels(self) -> dict[str, str]:
        config = self.configuration.get("config")
        labels = config.get("Labels") if isinstance(config, dict) else None
        return {str(name): str(value) for name, value in labels.items()} if isinstance(labels, dict) else {}


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image as it is to be in another archive: with that tag, and these labels over its own."""

    image: ArchivedImage
    tag: str
    labels: Mapping[str, str]


class ImageArchive:
    """An archive that is open. `images` are all that its manifest names."""

    def __init__(self, path: Path, tar: tarfile.TarFile) -> None:
        self._what = f"file {path}"
        self._tar = tar
        with self._damage():
            self._members = {member.name: member for member in tar.getmembers()}
        if _MANIFEST not in self._members:
            raise UsageError(self._what, "it is no archive of images: it has no manifest.json", _HINT)
        with self._damage():
            entries = objects(json.loads(self._small(_MANIFEST, _MANIFEST_MAX)))
            self.images = tuple(self._image(each) for each in entries)

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator[ImageArchive]:
        """Open and check the archive, compressed or not. Raises UsageError for what is none, or is damaged."""
        what = f"file {path}"
        try:
            tar = tarfile.open(path)  # noqa: SIM115 - the with below is for the errors of opening alone
        except OSError as error:
            raise UsageError(what, error.strerror or str(error)) from error
        except _DAMAGE as error:
            raise UsageError(what, _CUT if _is_cut(error) else "it is no archive", _HINT) from error
        with tar:
            yield cls(path, tar)

    def renamed(self, images: Iterable[NamedImage], drop: str) -> Iterator[bytes]:
        """An archive of these images, without the labels that begin with `drop`; each layer is in it once."""
        wanted = tuple(images)
        members = {name for each in wanted for name in each.image.members}
        names = {}
        with self._damage():
            # In their order: a compressed archive is read forward only.
            for index, member in enumerate(sorted((self._members[name] for name in members), key=_place)):
                names[member.name] = f"layers/{index}.tar"
                yield from self._copied(member, names[member.name])
        manifest = []
        for each in wanted:
            content = json.dumps(_relabelled(each, drop)).encode()
            name = f"{hashlib.sha256(content).hexdigest()}.json"
            yield from _file(name, content)
            layers = [names[member] for member in each.image.members]
            manifest.append({"Config": name, "RepoTags": [each.tag], "Layers": layers})
        yield from _file(_MANIFEST, json.dumps(manifest).encode())
        yield bytes(2 * tarfile.BLOCKSIZE)

    def size(self, images: Iterable[ArchivedImage]) -> int:
        """Bytes of the layers of these images."""
        return sum(self._members[name].size for name in {name for each in images for name in each.members})

    def _image(self, entry: dict[str, object]) -> ArchivedImage:
        configuration = json.loads(self._small(text(entry["Config"]), _CONFIGURATION_MAX))
        layers = tuple(text(each) for each in configuration["rootfs"]["diff_ids"])
        listed = entry["Layers"]
        if not isinstance(listed, list) or len(listed) != len(layers):
            raise ValueError("an image has not the layers that it names")
        tags = entry.get("RepoTags") or ()
        if not isinstance(tags, (list, tuple)):
            raise TypeError("the tags of an image are no list")
        members = tuple(self._file(text(each)).name for each in listed)
        return ArchivedImage(tuple(map(text, tags)), configuration, layers, members)

    def _file(self, name: str) -> tarfile.TarInfo:
        """The regular file of that name; layers that are in the archive before are links (Docker before 25)."""
        member = self._members[name]
        for _ in range(_LINKS_MAX):
            if member.isreg() and not member.issparse():  # which may be larger than every disk
                return member
            target = member.linkname
            if member.issym():
                target = os.path.normpath(os.path.join(os.path.dirname(member.name), target))
            member = self._members[target]
        raise ValueError(f"{name!r:.80} is no file")

    def _small(self, name: str, limit: int) -> bytes:
        member = self._file(name)
        file = self._tar.extractfile(member)
        if file is None or member.size > limit:
            raise ValueError(f"{name!r:.80} is too large")
        return file.read()

    def _copied(self, member: tarfile.TarInfo, name: str) -> Iterator[bytes]:
        file = self._tar.extractfile(member)
        if file is None:
            raise ValueError(f"{member.name!r:.80} is no file")
        yield _header(name, member.size)
        for _ in range(0, member.size, _CHUNK):
            yield file.read(_CHUNK)
        yield _padding(member.size)

    @contextlib.contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UsageError(self._what, error.strerror or str(error)) from error
        except _DAMAGE as error:
            why = _CUT if _is_cut(error) else f"it is damaged ({type(error).__name__}: {error!s:.200})"
            raise UsageError(self._what, why, _HINT) from error


def _is_cut(error: Exception) -> bool:
    return isinstance(error, EOFError) or "unexpected end of data" in str(error)


def _relabelled(named: NamedImage, drop: str) -> dict[str, object]:
    config = named.image.configuration.get("config")
    kept = {name: value for name, value in named.image.labels.items() if not name.startswith(drop)}
    inner = {**(config if isinstance(config, dict) else {}), "Labels": {**kept, **named.labels}}
    return {**named.image.configuration, "config": inner}


def _place(member: tarfile.TarInfo) -> int:
    return member.offset


def _file(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content))
    yield content + _padding(len(content))


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
