"""The port to a container engine: what cleanenv needs of Docker or Podman, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from cleanenv.model.container import Container, ContainerSpec, EngineInfo, Finished, Image, LabelledImage

__all__ = ["Engine", "ProgressReport"]

# Called with (what is being done, bytes or steps done, total or None when it is not known).
ProgressReport = Callable[[str, int, "int | None"], None]


class Engine(Protocol):
    """A container engine that answers.

    Every method raises EngineError for a refusal (EngineUnavailableError when the engine is gone) and never
    an exception of the library behind it. Containers and images are named by id; ids have no shortened forms.
    """

    @property
    def address(self) -> str:
        """What reached it (unix://…)."""

    def info(self) -> EngineInfo:
        """Say which engine this is."""

    def image(self, reference: str) -> Image | None:
        """The local image of that tag or id, or None."""

    def pull(self, reference: str, progress: ProgressReport, *, patience_s: float = 30.0) -> Image:
        """Fetch an image from its registry, which has `patience_s` to give its first sign.

        Raises ImageNotFoundError when the registry does not have it or cannot be reached.
        """

    def import_image(self, tar: str, tag: str, progress: ProgressReport) -> Image:
        """Make an image of one layer from a tar file on the host and tag it."""

    def remove_image(self, image_id: str) -> None:
        """Remove an image with all its tags; one that is gone already is no error.

        One that others were made of loses its tags, and goes with the last of them.
        """

    def tag_image(self, image_id: str, tag: str) -> None:
        """Give an image a further tag; another image that has it loses it."""

    def untag_image(self, tag: str) -> None:
        """Take a tag away, and with its last one the image; one that is gone already is no error."""

    def label_image(self, image_id: str, tag: str, labels: Mapping[str, str]) -> Image:
        """Make an image of the same layers and tag it, with these labels over those of the first."""

    def save_images(self, references: Sequence[str]) -> AbstractContextManager[Iterator[bytes]]:
        """The images of those tags and ids as one tar stream (`docker save`); layers that they share are in it once."""

    def load_images(self, chunks: Iterator[bytes]) -> None:
        """Take the images of such a stream in, with the tags that it gives them."""

    def read_file(self, image_id: str, path: str) -> bytes | None:
        """The content of a file of the image, None where it has none; one that is not small is an EngineError."""

    def networks(self) -> tuple[str, ...]:
        """The names of the networks that a container may be in."""

    def labelled_images(self, label: str) -> tuple[LabelledImage, ...]:
        """All images that carry the label."""

    def commit_container(self, container_id: str, tag: str, labels: Mapping[str, str]) -> Image:
        """Make an image of its state and tag it: its own image, with what has changed as one layer more.

        The image has the container's labels, and over them these. Programs of a container that runs are held meanwhile
        where the engine can do that, and go on. What is mounted, volumes included, is not part of it. The layers of two
        images of an unchanged container are the same.
        """

    def flatten_image(self, image_id: str, tag: str, labels: Mapping[str, str], progress: ProgressReport) -> Image:
        """Make an image of the same content and configuration in one layer, and tag it.

        `labels` are for the container by which that is done.
        """

    def export_image(self, image_id: str, labels: Mapping[str, str]) -> AbstractContextManager[Iterator[bytes]]:
        """The files of an image as a tar stream; `labels` are for the container by which that is done."""

    def export_container(self, container_id: str) -> AbstractContextManager[Iterator[bytes]]:
        """The files of a container, running or not, as a tar stream, without what is mounted in it."""

    def create_container(self, spec: ContainerSpec) -> Container:
        """Create a container, not started. A name that is taken is an EngineError."""

    def start_container(self, container_id: str) -> None:
        """Start it; one that runs already is no error."""

    def stop_container(self, container_id: str, grace_s: int) -> None:
        """Ask its first process to end (SIGTERM), kill it after `grace_s` seconds; a stopped one is fine."""

    def remove_container(self, container_id: str) -> None:
        """Remove it, running or not, with its anonymous volumes; one that is gone already is no error."""

    def rename_container(self, container_id: str, name: str) -> None:
        """Give it another name. One that is taken is an EngineError."""

    def changed_paths(self, container_id: str) -> tuple[str, ...]:
        """The paths in which it differs from its image: files, directories, and those above them."""

    def container(self, container_id: str) -> Container | None:
        """What the engine knows of it, or None."""

    def containers(self, label: str) -> tuple[Container, ...]:
        """All containers, running or not, that carry the label."""

    def run(self, container_id: str, command: Sequence[str], variables: Mapping[str, str]) -> Finished:
        """Run a program in a running container as its root, to its end, with these variables besides its own.

        No shell reads the words. The status of one that is not there, or cannot be executed, is 126 or 127.
        """

    def logs(self, container_id: str, lines: int) -> str:
        """The last lines that its first process wrote."""

    def close(self) -> None:
        """Close the connection."""
