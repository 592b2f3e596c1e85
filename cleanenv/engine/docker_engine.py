"""The engine port on Docker, and on Podman through its Docker-compatible socket, by the docker SDK.

One connection, opened at the first request. Not for use by several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus

import docker
import docker.errors
import docker.tls
import docker.types
from docker.constants import DEFAULT_DOCKER_API_VERSION

from cleanenv.engine import docker_config, docker_exec, docker_files, docker_images, docker_pull, docker_snapshots
from cleanenv.engine.docker_errors import LIBRARY_ERRORS, explain, library_errors, start_error, status_of, translate
from cleanenv.engine.docker_values import (
    container_of,
    field_of,
    image_of,
    items_of,
    labelled_image_of,
    qualified,
    text_of,
    with_prefix,
)
from cleanenv.engine.port import ProgressReport
from cleanenv.engine.probe import Endpoint, EngineVersion
from cleanenv.errors import EngineError, ImageNotFoundError
from cleanenv.model.container import AGENT_PATH, Container, ContainerSpec, EngineInfo, Finished, Image, LabelledImage

__all__ = ["DockerEngine", "read_mount_table"]

# A start or a removal takes a second or two on a busy machine; what moves all bytes of an image minutes.
_TIMEOUT_S = 60
_PATIENCE_S = 1800

# What needs no network of the engine; Docker lists these as networks.
_NETWORK_MODES = {
    "docker": {"bridge", "host", "none"},
    "podman": {"bridge", "host", "none", "pasta", "private", "slirp4netns"},
}


def read_mount_table() -> str:
    """The host's mounts; bytes that are no UTF-8 are kept as surrogates."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


class DockerEngine:
    """An engine that answered as `version` at the endpoint.

    `mount_table` gives the text of the host's mountinfo.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        version: EngineVersion,
        *,
        mount_table: Callable[[], str] = read_mount_table,
    ) -> None:
        self._endpoint = endpoint
        self._version = version
        self._mount_table = mount_table
        self._api = self._connect(_TIMEOUT_S)
        self._data_root = ""
        self._info: EngineInfo | None = None
        self._can_pause = True

    def _connect(self, timeout_s: int) -> docker.APIClient:
        tls: docker.tls.TLSConfig | bool = False
        files = self._endpoint.tls
        # What a newer engine can do beyond the SDK's version is not used here.
        api_version = min(self._version.api_version, DEFAULT_DOCKER_API_VERSION, key=_numbers)
        with library_errors("connect to the container engine", self._endpoint.address):
            if files is not None:
                tls = docker.tls.TLSConfig(
                    client_cert=(files.certificate, files.key), ca_cert=files.ca, verify=files.verify
                )
            return docker.APIClient(base_url=self._endpoint.address, version=api_version, timeout=timeout_s, tls=tls)

    @property
    def address(self) -> str:
        """What reached it (unix://…)."""
        return self._endpoint.address

    def _patient(self) -> docker.APIClient:
        return self._connect(_PATIENCE_S)

    def info(self) -> EngineInfo:
        """Say which engine this is."""
        if self._info is None:
            with self._errors("ask the container engine"):
                data: object = self._api.info()
            self._data_root = str(field_of(data, "DockerRootDir") or "")
            options = items_of(field_of(data, "SecurityOptions"))
            # Podman says it by a field of its own, Docker among the options.
            is_rootless = field_of(data, "Rootless") is True or any("name=rootless" in str(o) for o in options)
            # Processes of a rootless container can be frozen by cgroup v2 only.
            self._can_pause = not is_rootless or str(field_of(data, "CgroupVersion")) == "2"
            self._info = EngineInfo(
                kind=self._version.kind,
                version=self._version.version,
                api_version=self._version.api_version,
                address=self._endpoint.address,
                rootless=is_rootless,
            )
        return self._info

    def image(self, reference: str) -> Image | None:
        """The local image of that tag or id, or None."""
        # Podman finds images of Docker Hub by their full name only, when it has no list of registries.
        for name in dict.fromkeys((reference, qualified(reference))):
            try:
                return image_of(self._inspect_image(name))
            except docker.errors.NotFound:
                continue
            except LIBRARY_ERRORS as error:
                if status_of(error) == HTTPStatus.BAD_REQUEST:
                    raise ImageNotFoundError(f"image {reference}", explain(error)) from error
                raise self._translate(error, f"look for image {reference}") from error
        return None

    def _inspect_image(self, name: str) -> object:
        return self._api.inspect_image(name)  # type: ignore[no-untyped-call]

    def pull(self, reference: str, progress: ProgressReport, *, patience_s: float = 30.0) -> Image:
        """Fetch an image from its registry, which has `patience_s` to give its first sign."""
        docker_pull.pull(
            lambda: self._connect(_TIMEOUT_S),
            reference,
            progress,
            patience_s=patience_s,
            address=self._endpoint.address,
        )
        image = self.image(qualified(reference))
        if image is None:
            raise EngineError(f"image {reference}", "the engine has pulled it and does not have it")
        return image

    def import_image(self, tar: str, tag: str, progress: ProgressReport) -> Image:
        """Make an image of one layer from a tar file on the host and tag it."""
        what = f"import image {tag}"
        with self._errors(what):
            image_id = docker_snapshots.import_file(self._patient, tar, tag, progress)
        return self._made(with_prefix(image_id), what)

    def remove_image(self, image_id: str) -> None:
        """Remove an image with all its tags; one that is gone already is no error."""
        what = f"remove image {image_id}"
        image = self.image(image_id)
        if image is None:
            return
        with self._errors(what):
            docker_images.remove(self._api, image, self._version.kind, what)

    def tag_image(self, image_id: str, tag: str) -> None:
        """Give an image a further tag; another image that has it loses it."""
        repository, _, name = tag.rpartition(":")
        with self._errors(f"tag image {tag}"):
            self._api.tag(image_id, repository, name, force=True)

    def untag_image(self, tag: str) -> None:
        """Take a tag away, and with its last one the image; one that is gone already is no error."""
        with self._errors(f"remove image {tag}"):
            docker_images.untag(self._api, tag)

    def label_image(self, image_id: str, tag: str, labels: Mapping[str, str]) -> Image:
        """Make an image of the same layers and tag it, with these labels over those of the first."""
        what = f"label image {tag}"
        with self._errors(what):
            docker_images.label(self._api, image_id, tag, labels)
        return self._made(tag, what)

    @contextmanager
    def save_images(self, references: Sequence[str]) -> Iterator[Iterator[bytes]]:
        """The images of those tags and ids as one tar stream; layers that they share are in it once."""
        with self._errors("save the images"), docker_images.saved(self._patient, references) as chunks:
            yield chunks

    def load_images(self, chunks: Iterator[bytes]) -> None:
        """Take the images of such a stream in, with the tags that it gives them."""
        with self._errors("load the images"):
            docker_images.load(self._patient, chunks)

    def read_file(self, image_id: str, path: str) -> bytes | None:
        """The content of a file of the image, None where it has none; one that is not small is an EngineError."""
        with self._errors(f"read {path} of the image"):
            return docker_files.read_file(self._api, image_id, path)

    def networks(self) -> tuple[str, ...]:
        """The names of the networks that a container may be in."""
        with self._errors("list the networks"):
            listed = items_of(self._api.networks())
        return tuple(sorted({text_of(item, "Name") for item in listed} | _NETWORK_MODES[self._version.kind]))

    def labelled_images(self, label: str) -> tuple[LabelledImage, ...]:
        """All images that carry the label (`NAME` or `NAME=VALUE`)."""
        with self._errors("list the images"):
            listed = items_of(self._api.images(filters={"label": [label]}))
        return tuple(sorted((labelled_image_of(each) for each in listed), key=lambda each: each.id))

    def commit_container(self, container_id: str, tag: str, labels: Mapping[str, str]) -> Image:
        """Make an image of its state and tag it."""
        self.info()
        what = f"save the state of container {container_id[:12]}"
        with self._errors(what):
            image_id = docker_snapshots.commit(self._patient, container_id, tag, labels, pause=self._can_pause)
        return self._made(with_prefix(image_id), what)

    def flatten_image(self, image_id: str, tag: str, labels: Mapping[str, str], progress: ProgressReport) -> Image:
        """Make an image of the same content and configuration in one layer, and tag it."""
        what = f"flatten image {image_id}"
        with self.export_image(image_id, labels) as chunks, self._errors(what):
            flat_id = docker_snapshots.flatten(self._patient, self._inspect_image(image_id), chunks, tag, progress)
        return self._made(with_prefix(flat_id), what)

    @contextmanager
    def export_image(self, image_id: str, labels: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        """The files of an image as a tar stream."""
        with (
            self._errors(f"read image {image_id}"),
            docker_snapshots.temporary_container(self._api, image_id, labels) as container_id,
            docker_snapshots.exported(self._patient, container_id) as chunks,
        ):
            yield chunks

    @contextmanager
    def export_container(self, container_id: str) -> Iterator[Iterator[bytes]]:
        """The files of a container as a tar stream, without what is mounted in it."""
        with (
            self._errors(f"read container {container_id[:12]}"),
            docker_snapshots.exported(self._patient, container_id) as chunks,
        ):
            yield chunks

    def _made(self, reference: str, what: str) -> Image:
        image = self.image(reference)
        if image is None:
            raise EngineError(what, "the engine has made it and does not have it")
        return image

    def create_container(self, spec: ContainerSpec) -> Container:
        """Create a container, not started. `publish` is of no effect in the host's network."""
        what = f"create container {spec.name}"
        info = self.info()
        with self._errors(what):
            config = docker_config.host_config(
                self._api, spec, info, data_root=self._data_root, mount_table=self._mount_table()
            )
        try:
            created = self._api.create_container(
                spec.image_id,
                command=list(spec.arguments),
                entrypoint=[AGENT_PATH],
                environment=list(spec.environment),
                healthcheck=docker.types.Healthcheck(test=["NONE"]),
                host_config=config,
                labels=dict(spec.labels),
                name=spec.name,
                ports=docker_config.exposed_ports(spec),
                stop_signal="SIGTERM",
                # ~/.docker/config.json may hold proxies for containers; variables come with each call.
                use_config_proxy=False,
                user="0:0",
                working_dir="/",
            )
        except docker.errors.ImageNotFound as error:
            raise ImageNotFoundError(what, f"there is no image {spec.image_id}") from error
        except LIBRARY_ERRORS as error:
            # Docker says 409, Podman 500.
            if "already in use" in explain(error) or "name is in use" in explain(error):
                raise EngineError(what, "that name is taken", f"{self._version.kind} rm --force {spec.name}") from error
            raise self._translate(error, what) from error
        container_id = text_of(created, "Id")
        container = self.container(container_id)
        if container is None:
            raise EngineError(what, "it was removed at once")
        return container

    def start_container(self, container_id: str) -> None:
        """Start it; one that runs already is no error, a paused one goes on."""
        what = f"start container {container_id[:12]}"
        try:
            self._api.start(container_id)
        except LIBRARY_ERRORS as error:
            container = self.container(container_id) if status_of(error) else None
            if container is not None and container.status == "paused":
                self._unpause(container_id, what)
                return
            if container is not None and container.is_running:
                return
            raise start_error(error, what) or self._translate(error, what) from error

    def stop_container(self, container_id: str, grace_s: int) -> None:
        """Ask its first process to end (SIGTERM), kill it after `grace_s` seconds; a stopped one is fine."""
        what = f"stop container {container_id[:12]}"
        try:
            self._api.stop(container_id, timeout=grace_s)
        except LIBRARY_ERRORS as error:
            container = self.container(container_id) if status_of(error) else None
            if container is not None and container.status == "paused":
                self._unpause(container_id, what)
                self.stop_container(container_id, grace_s)
            elif container is None or container.is_running:
                raise self._translate(error, what) from error

    def _unpause(self, container_id: str, what: str) -> None:
        with self._errors(what):
            self._api.unpause(container_id)

    def remove_container(self, container_id: str) -> None:
        """Remove it, running or not, with its anonymous volumes; one that is gone already is no error."""
        what = f"remove container {container_id[:12]}"
        try:
            self._api.remove_container(container_id, v=True, force=True)
        except docker.errors.NotFound:
            return
        except LIBRARY_ERRORS as error:
            if "already in progress" not in explain(error):
                raise self._translate(error, what) from error
            self._wait_for_removal(container_id, what)

    def _wait_for_removal(self, container_id: str, what: str) -> None:
        try:
            self._api.wait(container_id, timeout=_TIMEOUT_S, condition="removed")
        except docker.errors.NotFound:
            return
        except LIBRARY_ERRORS as error:
            raise self._translate(error, what) from error

    def rename_container(self, container_id: str, name: str) -> None:
        """Give it another name. One that is taken is an EngineError."""
        with self._errors(f"rename container {container_id[:12]}"):
            self._api.rename(container_id, name)

    def changed_paths(self, container_id: str) -> tuple[str, ...]:
        """The files in which it differs from its image, each with the directories above it."""
        with self._errors(f"look for changes of container {container_id[:12]}"):
            listed = items_of(self._api.diff(container_id))
        return tuple(text_of(each, "Path") for each in listed)

    def container(self, container_id: str) -> Container | None:
        """What the engine knows of it, or None."""
        try:
            return container_of(self._api.inspect_container(container_id))
        except docker.errors.NotFound:
            return None
        except LIBRARY_ERRORS as error:
            raise self._translate(error, f"look at container {container_id[:12]}") from error

    def containers(self, label: str) -> tuple[Container, ...]:
        """All containers, running or not, that carry the label (`NAME` or `NAME=VALUE`)."""
        with self._errors("list the containers"):
            listed = items_of(self._api.containers(all=True, filters={"label": [label]}))
        # The list does not say the process; a container that ends in between is no longer there.
        found = [self.container(text_of(item, "Id")) for item in listed]
        return tuple(sorted((each for each in found if each is not None), key=lambda each: each.name))

    def run(self, container_id: str, command: Sequence[str], variables: Mapping[str, str]) -> Finished:
        """Run a program in it as root, to its end."""
        with self._errors(f"run {command[0]} in container {container_id[:12]}"):
            return docker_exec.run(self._patient, container_id, command, variables)

    def logs(self, container_id: str, lines: int) -> str:
        """The last lines that its first process wrote."""
        what = f"read the log of container {container_id[:12]}"
        try:
            output: bytes = self._api.logs(container_id, tail=lines)
        except (KeyError, TypeError) as error:  # the SDK looks whether there is a terminal, without care
            raise EngineError(what, "the engine's answer cannot be understood") from error
        except LIBRARY_ERRORS as error:
            raise self._translate(error, what) from error
        return output.decode(errors="replace")

    def close(self) -> None:
        """Close the connection."""
        self._api.close()

    def _errors(self, what: str) -> AbstractContextManager[None]:
        return library_errors(what, self._endpoint.address)

    def _translate(self, error: Exception, what: str) -> EngineError:
        return translate(error, what, self._endpoint.address)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
