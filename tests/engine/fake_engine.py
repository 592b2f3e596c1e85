"""An engine in memory that keeps the port's promises; what a registry has is set by the test."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cleanenv.errors import EngineError, EngineUnavailableError, ImageNotFoundError, UsageError
from cleanenv.model.container import Container, ContainerSpec, EngineInfo, Finished, Image, LabelledImage
from tests.engine import fake_archive
from tests.engine.fake_archive import Stored

if TYPE_CHECKING:
    from cleanenv.engine.port import ProgressReport

__all__ = ["FakeEngine"]


@dataclass(slots=True)
class _Made:
    container: Container
    spec: ContainerSpec
    files: dict[str, bytes]
    log: str = ""


class FakeEngine:
    """`registry` maps the references that can be pulled to the image's size; None is a registry out of reach.

    A container's first process writes `says_at_start` and `says_at_end` to its log, and every image has the
    `files_of_images`. `calls` names the requests that changed something, `specs` the containers made, and `is_gone`
    makes every request fail. Containers of the image `refuses_to_start` do not start, and `programs` stands for what
    programs in containers do.
    """

    def __init__(self, *, registry: dict[str, int] | None = None) -> None:
        self.registry = registry
        self.files_of_images: dict[str, bytes] = {}
        self.says_at_start = ""
        self.says_at_end = ""
        self.is_gone = False
        self.refuses_to_start = ""
        self.programs: Callable[[str, Sequence[str]], Finished] = _none
        self.calls: list[str] = []
        self._images: dict[str, Image] = {}
        self._stored: dict[str, Stored] = {}
        self._made: dict[str, _Made] = {}
        self._numbers = itertools.count(1)

    @property
    def specs(self) -> tuple[ContainerSpec, ...]:
        """What the containers that exist were made with."""
        return tuple(made.spec for made in self._made.values())

    def spec(self, container_id: str) -> ContainerSpec:
        """What that container was made with."""
        return self._get(container_id, "look at").spec

    def add_image(self, *tags: str, environment: tuple[str, ...] = ()) -> Image:
        """Put an image there, as if it had been pulled long ago."""
        image = Image(self._new_id("sha256:"), (), environment, (), 0, (f"sha256:base-{next(self._numbers)}",))
        return self._store(image, Stored(), tags)

    def write(self, container_id: str, path: str, content: bytes) -> None:
        """What a program in the container does."""
        made = self._get(container_id, "write to")
        if made.spec.read_only:
            raise OSError(errno.EROFS, "Read-only file system", path)
        made.files[path] = content

    def forget_image(self, image_id: str) -> None:
        """What somebody does who removes it by force."""
        del self._images[image_id]

    def unlink(self, container_id: str, path: str) -> None:
        """What a program in the container does."""
        del self._get(container_id, "write to").files[path]

    def stored(self, image_id: str) -> dict[str, bytes]:
        """What an image holds."""
        return dict(self._stored[image_id].files)

    def content(self, container_id: str) -> dict[str, bytes]:
        """What a program in the container finds."""
        return dict(self._get(container_id, "look into").files)

    @property
    def address(self) -> str:
        return "unix:///fake.sock"

    def info(self) -> EngineInfo:
        self._answer("info")
        return EngineInfo("docker", "20.10.24", "1.41", "unix:///var/run/docker.sock", rootless=False)

    def image(self, reference: str) -> Image | None:
        self._answer("image")
        return next((i for i in self._images.values() if reference == i.id or reference in i.tags), None)

    def pull(self, reference: str, progress: ProgressReport, *, patience_s: float = 30.0) -> Image:
        self._answer(f"pull {reference}")
        assert patience_s > 0
        if self.registry is None:
            raise ImageNotFoundError(f"image {reference}", "its registry cannot be reached")
        if reference not in self.registry:
            raise ImageNotFoundError(f"image {reference}", "its registry does not have it")
        size = self.registry[reference]
        progress(f"pulling {reference}", 0, None)
        progress(f"pulling {reference}", size, size)
        image = self.add_image(reference)
        self._images[image.id] = replace(image, size=size)
        return self._images[image.id]

    def import_image(self, tar: str, tag: str, progress: ProgressReport) -> Image:
        self._answer(f"import {tag}")
        try:
            size = len(Path(tar).read_bytes())
        except OSError as error:
            raise EngineError(f"import image {tag}", f"{tar}: {error.strerror}") from error
        progress(f"importing {tag}", size, size)
        return self.add_image(tag, environment=("PATH=/usr/sbin:/usr/bin:/sbin:/bin",))

    def remove_image(self, image_id: str) -> None:
        self._answer(f"remove image {image_id}")
        image = self.image(image_id)
        if image is None:
            return
        if any(made.container.image_id == image.id for made in self._made.values()):
            raise EngineError(f"remove image {image_id}", "a container uses it")
        del self._images[image.id]
        del self._stored[image.id]

    def tag_image(self, image_id: str, tag: str) -> None:
        self._answer(f"tag {tag}")
        if image_id not in self._images:
            raise EngineError(f"tag image {tag}", "there is no such image")
        self._tag(image_id, tag)

    def untag_image(self, tag: str) -> None:
        self._answer(f"untag {tag}")
        image = self.image(tag)
        if image is not None:
            self._images[image.id] = replace(image, tags=tuple(each for each in image.tags if each != tag))
            if not self._images[image.id].tags:
                self.remove_image(image.id)

    def label_image(self, image_id: str, tag: str, labels: Mapping[str, str]) -> Image:
        self._answer(f"label {tag}")
        if image_id not in self._images:
            raise EngineError(f"label image {tag}", "there is no such image")
        stored = self._stored[image_id]
        image = replace(self._images[image_id], id=self._new_id("sha256:"), tags=())
        return self._store(image, Stored(stored.files, {**stored.labels, **labels}), (tag,))

    @contextlib.contextmanager
    def save_images(self, references: Sequence[str]) -> Iterator[Iterator[bytes]]:
        self._answer("save images")
        images = [self.image(each) for each in references]
        if None in images:
            raise EngineError("save the images", "there is no such image")
        yield iter([fake_archive.dump([(image, self._stored[image.id]) for image in images if image], references)])

    def load_images(self, chunks: Iterator[bytes]) -> None:
        self._answer("load images")
        try:
            images = tuple(fake_archive.load(b"".join(chunks)))
        except (tarfile.TarError, LookupError, ValueError) as error:
            raise EngineError("load the images", str(error)) from error
        for image, files, labels, tags in images:
            self._store(replace(image, id=self._new_id("sha256:")), Stored(files, labels), tags)

    def labelled_images(self, label: str) -> tuple[LabelledImage, ...]:
        self._answer("images")
        found = (
            LabelledImage(image.id, image.labels, image.tags)
            for image in self._images.values()
            if _carries(image.labels, label)
        )
        return tuple(sorted(found, key=lambda each: each.id))

    def commit_container(self, container_id: str, tag: str, labels: Mapping[str, str]) -> Image:
        self._answer(f"commit {self._name(container_id)}")
        made = self._get(container_id, "save the state of")
        base = self._images[made.container.image_id]
        changes = self._changes(made)
        image = replace(
            base,
            id=self._new_id("sha256:"),
            tags=(),
            size=base.size + sum(len(made.files.get(path, b"")) for path in changes),
            layers=(
                *base.layers,
                *([_digest(repr([(path, made.files.get(path)) for path in changes]))] if changes else []),
            ),
        )
        stored = Stored(dict(made.files), {**dict(made.container.labels), **labels})
        return self._store(image, stored, (tag,))

    def flatten_image(self, image_id: str, tag: str, labels: Mapping[str, str], progress: ProgressReport) -> Image:
        self._answer(f"flatten {image_id}")
        assert labels
        if image_id not in self._images:
            raise EngineError(f"flatten image {image_id}", "there is no such image")
        stored = self._stored[image_id]
        size = sum(map(len, stored.files.values()))
        progress(f"importing {tag}", size, size)
        layers = (_digest(repr(sorted(stored.files.items()))),)
        image = replace(self._images[image_id], id=self._new_id("sha256:"), tags=(), size=size, layers=layers)
        return self._store(image, stored, (tag,))

    @contextlib.contextmanager
    def export_image(self, image_id: str, labels: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        self._answer("export image")
        assert labels
        if image_id not in self._images:
            raise EngineError(f"read image {image_id}", "there is no such image")
        yield iter([fake_archive.tar_of(self._stored[image_id].files)])

    @contextlib.contextmanager
    def export_container(self, container_id: str) -> Iterator[Iterator[bytes]]:
        self._answer("export container")
        yield iter([fake_archive.tar_of(self._get(container_id, "read").files)])

    def read_file(self, image_id: str, path: str) -> bytes | None:
        self._answer("read")
        if image_id not in self._images:
            raise ImageNotFoundError(f"read {path}", f"there is no image {image_id}")
        return self.files_of_images.get(path)

    def networks(self) -> tuple[str, ...]:
        self._answer("networks")
        return ("bridge", "host", "lab", "none")

    def create_container(self, spec: ContainerSpec) -> Container:
        self._answer(f"create {spec.name}")
        for text in spec.publish:
            if spec.network != "host" and ":" not in text:
                raise UsageError(f"publish {text!r}", "that is no port mapping")
        if spec.image_id not in self._images:
            raise ImageNotFoundError(f"create container {spec.name}", f"there is no image {spec.image_id}")
        if any(made.container.name == spec.name for made in self._made.values()):
            raise EngineError(f"create container {spec.name}", "that name is taken")
        stored = self._stored[spec.image_id]
        labels = tuple(sorted({**stored.labels, **dict(spec.labels)}.items()))
        container = Container(self._new_id(""), spec.name, spec.image_id, "created", 0, labels)
        self._made[container.id] = _Made(container, spec, dict(stored.files))
        return container

    def start_container(self, container_id: str) -> None:
        self._answer(f"start {self._name(container_id)}")
        made = self._get(container_id, "start")
        if made.container.image_id == self.refuses_to_start:
            raise EngineError(f"start container {container_id[:12]}", "the engine refused")
        if not made.container.is_running:
            made.container = replace(made.container, status="running", pid=next(self._numbers) + 1000)
            made.log += self.says_at_start

    def stop_container(self, container_id: str, grace_s: int) -> None:
        self._answer(f"stop {self._name(container_id)}")
        assert grace_s >= 0
        made = self._get(container_id, "stop")
        if made.container.is_running:
            made.container = replace(made.container, status="exited", pid=0)
            made.log += self.says_at_end

    def remove_container(self, container_id: str) -> None:
        self._answer(f"remove {self._name(container_id)}")
        self._made.pop(container_id, None)

    def rename_container(self, container_id: str, name: str) -> None:
        self._answer(f"rename {self._name(container_id)} {name}")
        made = self._get(container_id, "rename")
        if any(other.container.name == name for other in self._made.values()):
            raise EngineError(f"rename container {container_id[:12]}", f"the name {name} is taken")
        made.container = replace(made.container, name=name)

    def changed_paths(self, container_id: str) -> tuple[str, ...]:
        self._answer("diff")
        made = self._get(container_id, "look for changes of")
        paths = set(self._changes(made))
        return tuple(sorted(paths | {str(above) for path in paths for above in Path(path).parents} - {"/"}))

    def container(self, container_id: str) -> Container | None:
        self._answer("container")
        made = self._made.get(container_id)
        return made.container if made else None

    def containers(self, label: str) -> tuple[Container, ...]:
        self._answer("containers")
        found = (made.container for made in self._made.values() if _carries(made.container.labels, label))
        return tuple(sorted(found, key=lambda container: container.name))

    def run(self, container_id: str, command: Sequence[str], variables: Mapping[str, str]) -> Finished:
        self._answer(f"run {' '.join(command)}")
        assert all(isinstance(value, str) for value in variables.values())
        if not self._get(container_id, "run a program in").container.is_running:
            raise EngineError(f"run {command[0]}", "the container does not run")
        return self.programs(container_id, command)

    def logs(self, container_id: str, lines: int) -> str:
        self._answer("logs")
        return "".join(self._get(container_id, "read the log of").log.splitlines(keepends=True)[-lines:])

    def close(self) -> None:
        self.calls.append("close")

    def _store(self, image: Image, stored: Stored, tags: tuple[str, ...]) -> Image:
        self._images[image.id] = replace(image, labels=tuple(sorted(stored.labels.items())))
        self._stored[image.id] = stored
        for tag in tags:
            self._tag(image.id, tag)
        return self._images[image.id]

    def _changes(self, made: _Made) -> tuple[str, ...]:
        before = self._stored[made.container.image_id].files
        paths = sorted(before.keys() | made.files.keys())
        return tuple(path for path in paths if before.get(path) != made.files.get(path))

    def _answer(self, call: str) -> None:
        if self.is_gone:
            raise EngineUnavailableError(call, "the engine is gone")
        if " " in call:
            self.calls.append(call)

    def _get(self, container_id: str, verb: str) -> _Made:
        if container_id not in self._made:
            raise EngineError(f"{verb} container {container_id[:12]}", "there is no such container")
        return self._made[container_id]

    def _name(self, container_id: str) -> str:
        return self._made[container_id].container.name if container_id in self._made else container_id

    def _new_id(self, prefix: str) -> str:
        return prefix + hashlib.sha256(str(next(self._numbers)).encode()).hexdigest()

    def _tag(self, image_id: str, tag: str) -> None:
        for image in self._images.values():
            if tag in image.tags:
                left = tuple(t for t in image.tags if t != tag)
                self._images[image.id] = replace(image, tags=left)
        image = self._images[image_id]
        self._images[image_id] = replace(image, tags=(*image.tags, tag))


def _none(_container_id: str, command: Sequence[str]) -> Finished:
    return Finished(127, f"{command[0]}: not found")


def _carries(labels: Iterable[tuple[str, str]], label: str) -> bool:
    name, equals, value = label.partition("=")
    return any(name == n and (not equals or value == v) for n, v in labels)


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
