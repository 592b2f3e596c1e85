"""What a new environment is made of, of one that was frozen: of a file, or of images in the engine or a registry.

The snapshots become the new environment's own: images of the same layers, under its id.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cleanenv.configuration_file import parse_configuration
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.errors import CorruptStateError, EngineError, EngineUnavailableError, ImageNotFoundError, UsageError
from cleanenv.image_archive import ArchivedImage, ImageArchive, NamedImage
from cleanenv.model.configuration import Configuration
from cleanenv.model.container import Image
from cleanenv.model.history import History, chain_id
from cleanenv.model.packed import LABEL, Packed, load_packed
from cleanenv.model.user import User, UserRequest
from cleanenv.operations.snapshots.images import labels_of, tag_of
from cleanenv.operations.snapshots.pack import check_image_name, is_snapshot_reference, snapshot_reference

__all__ = ["FrozenOrigin", "is_file", "open_file", "open_images"]

_OWN_LABELS = "cleanenv."

# Puts the images of the snapshots into the engine under an environment's id, with further labels.
Put = Callable[[Engine, str, Mapping[str, str], ProgressReport], None]


@dataclass(frozen=True, slots=True)
class FrozenOrigin:
    """An origin (cleanenv/operations/origin.py). `what` is what it is called in messages."""

    what: str
    packed: Packed
    configuration: Configuration
    put: Put

    @property
    def image_name(self) -> str:
        """What its base image was called."""
        return self.packed.image_name

    def user(self, engine: Engine, request: UserRequest | None, caller: User) -> User:
        """By its own policy. A caller with the id of its user has the name and the home that are there already."""
        del engine
        frozen = self.packed.user
        if request is None:
            return replace(caller, name=frozen.name, home=frozen.home) if frozen.uid == caller.uid else caller
        if request.is_system and request.uid is None:
            return frozen  # it was looked up in the same image
        return request.resolve(caller)

    def install(self, engine: Engine, identifier: str, labels: Mapping[str, str], progress: ProgressReport) -> History:
        """Put its snapshots into the engine as those of the environment of that id, with these labels."""
        self.put(engine, identifier, labels, progress)
        image_ids = {}
        for snapshot in self.packed.history.snapshots:
            image = engine.image(tag_of(identifier, snapshot.id))
            if image is None:
                raise EngineError(self.what, f"the engine has not taken snapshot {snapshot.id} in")
            image_ids[snapshot.id] = image.id
        return self.packed.history.with_images(image_ids)


def is_file(source: str) -> bool:
    """Whether that means a file, and not an image."""
    return source.startswith(("/", "./", "../", "~")) or source.endswith(".tar") or os.path.isfile(source)


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[FrozenOrigin]:
    """What `cleanenv freeze --output` wrote. Raises UsageError for anything else."""
    what = f"file {path}"
    with ImageArchive.open(path) as archive:
        # A base image may have been frozen as well; it has no name in it, or one of a snapshot.
        labels = [
            label
            for each in archive.images
            if (label := each.labels.get(LABEL)) and not all(map(is_snapshot_reference, each.tags))
        ]
        if len(labels) != 1:
            why = "it has images, but no environment" if not labels else "it has several environments"
            raise UsageError(what, why, "cleanenv freeze --output FILE writes one")
        packed = load_packed(labels[0], what)
        images = _by_number(what, packed, archive.images)

        def put(engine: Engine, identifier: str, more: Mapping[str, str], progress: ProgressReport) -> None:
            named = [
                NamedImage(images[each.id], tag_of(identifier, each.id), {**more, **labels_of(identifier, each.id)})
                for each in packed.history.snapshots
            ]
            total = archive.size(images.values())
            try:
                engine.load_images(_counted(archive.renamed(named, _OWN_LABELS), path.name, total, progress))
            except EngineUnavailableError:
                raise
            except EngineError as error:
                raise EngineError(what, f"the engine refuses it: {error.why}", error.hint) from error

        yield _origin(what, packed, put)


def _by_number(what: str, packed: Packed, archived: tuple[ArchivedImage, ...]) -> dict[int, ArchivedImage]:
    """The image of each snapshot, known by its content. Raises UsageError for one that is not there."""
    contents = {chain_id(each.layers): each for each in archived}
    found = {}
    for snapshot in packed.history.snapshots:
        image = contents.get(packed.content(snapshot))
        if image is None:
            raise UsageError(what, f"it has no image of snapshot {snapshot.id} ({snapshot.name})")
        found[snapshot.id] = image
    return found


def _counted(chunks: Iterator[bytes], name: str, total: int, progress: ProgressReport) -> Iterator[bytes]:
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        progress(f"loading {name}", done, max(done, total))


@contextlib.contextmanager
def open_images(engine: Engine, name: str, progress: ProgressReport) -> Iterator[FrozenOrigin]:
    """What `cleanenv freeze --name` made, in the engine, else in the registry of that name.

    What is fetched for it is not kept under its name. Raises UsageError for an image that is no environment,
    ImageNotFoundError where it, or a snapshot of it, is not to be had.
    """
    reference = check_image_name(name, f"image {name}")
    what = f"image {reference}"
    with contextlib.ExitStack() as fetched:

        def get(wanted: str) -> Image:
            image = engine.image(wanted)
            if image is None:
                fetched.callback(_untag, engine, wanted)
                image = engine.pull(wanted, progress)
            return image

        labels = dict(get(reference).labels)
        if LABEL not in labels:
            hint = f"cleanenv create --base-image {reference} PATH"
            raise UsageError(what, "it is no environment that was frozen", hint)
        packed = load_packed(labels[LABEL], what)
        images = {}
        for snapshot in packed.history.snapshots:
            beside = snapshot_reference(reference, snapshot.id)
            try:
                images[snapshot.id] = get(beside)
            except ImageNotFoundError as error:
                hint = f"where it was frozen: docker push --all-tags {reference.rpartition(':')[0]}"
                raise ImageNotFoundError(error.what, error.why, hint) from error
            if chain_id(images[snapshot.id].layers) != packed.content(snapshot):
                raise UsageError(f"image {beside}", f"it is not the one that belongs to {reference}")

        def put(engine: Engine, identifier: str, more: Mapping[str, str], progress: ProgressReport) -> None:
            for done, (number, image) in enumerate(images.items()):
                progress("taking the snapshots over", done, len(images))
                engine.label_image(image.id, tag_of(identifier, number), {**more, **labels_of(identifier, number)})

        yield _origin(what, packed, put)


def _origin(what: str, packed: Packed, put: Put) -> FrozenOrigin:
    try:
        configuration = parse_configuration(packed.configuration.encode("utf-8", "surrogateescape"), what)
    except (CorruptStateError, UnicodeEncodeError) as error:
        raise UsageError(what, f"its configuration is damaged ({error})") from error
    return FrozenOrigin(what, packed, configuration, put)


def _untag(engine: Engine, name: str) -> None:
    with contextlib.suppress(EngineError):
        engine.untag_image(name)
