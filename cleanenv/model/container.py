"""What the engine is asked to make, and what it says there is."""

from __future__ import annotations

from dataclasses import dataclass

from cleanenv.model.mount import Mount

__all__ = [
    "AGENT_DIRECTORY",
    "AGENT_PATH",
    "HOST_DIRECTORY",
    "STOP_GRACE_S",
    "Container",
    "ContainerSpec",
    "EngineInfo",
    "Finished",
    "Image",
    "LabelledImage",
]


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """An engine that answered. `kind` is "docker" or "podman"; `address` is what reached it (unix://…)."""

    kind: str
    version: str
    api_version: str
    address: str
    rootless: bool


@dataclass(frozen=True, slots=True)
class Image:
    """An image by its id (`sha256:…`, always with the prefix), with the variables that its programs expect.

    `layers` name the content of each layer from the lowest on; `size` is in bytes, all layers together. `digests` name
    it in the registries that have it (`debian@sha256:…`).
    """

    id: str
    tags: tuple[str, ...]
    environment: tuple[str, ...]
    volumes: tuple[str, ...]
    size: int
    layers: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image as a list of many tells it."""

    id: str
    labels: tuple[tuple[str, str], ...]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container whose first process is the agent.

    `agent` is the host path of the agent's binary, bind-mounted read-only at AGENT_PATH and run with
    `arguments`; `agent_directory` is the host directory that becomes AGENT_DIRECTORY (its socket lives there);
    `host_directory` becomes HOST_DIRECTORY, read-only. `hidden` is a host directory that no mount shows.
    `environment` replaces the image's variables of the same name. `publish` is `[HOST-IP:]HOST:CONTAINER[/proto]`.
    `volumes_of` is the container whose volumes it gets. `read_only` is its root file system, not what is mounted.
    """

    name: str
    image_id: str
    agent: str
    agent_directory: str
    host_directory: str
    arguments: tuple[str, ...]
    mounts: tuple[Mount, ...]
    labels: tuple[tuple[str, str], ...]
    environment: tuple[str, ...] = ()
    network: str = "host"
    publish: tuple[str, ...] = ()
    hidden: str = ""
    volumes_of: str = ""
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Container:
    """A container that the engine knows. `status` is the engine's word: created, running, paused, exited, dead."""

    id: str
    name: str
    image_id: str
    status: str
    pid: int
    labels: tuple[tuple[str, str], ...]

    @property
    def is_running(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program in a container ended, and the last of what it wrote."""

    status: int
    output: str


AGENT_PATH = "/.cleanenv/agent"
AGENT_DIRECTORY = "/.cleanenv/run"
HOST_DIRECTORY = "/.cleanenv/host"
STOP_GRACE_S = 10  # for an agent without programs
