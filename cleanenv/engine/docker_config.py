"""What a container is made with, in the words of the docker SDK."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence

import docker
import docker.types
from docker.utils.ports import build_port_bindings

from cleanenv.engine.binds import Bind, Cover, binds
from cleanenv.errors import UsageError
from cleanenv.model.container import AGENT_DIRECTORY, AGENT_PATH, HOST_DIRECTORY, ContainerSpec, EngineInfo

__all__ = ["exposed_ports", "host_config", "mounts", "port_bindings"]


def host_config(
    api: docker.APIClient, spec: ContainerSpec, info: EngineInfo, *, data_root: str, mount_table: str
) -> docker.types.HostConfig:
    """What of the host the container gets. Raises the SDK's errors, and UsageError for a port mapping that is none."""
    binding, covering = mounts(spec, info, data_root=data_root, mount_table=mount_table)
    config = api.create_host_config(
        network_mode=spec.network,
        mounts=binding,
        tmpfs=covering,
        port_bindings=port_bindings(spec),
        # The agent is the first process also where the daemon's configuration adds an init.
        init=False,
        # A daemon may send logs elsewhere, from where they cannot be read back.
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "1m"}),
        # SELinux gives a container's processes no access to files of the host without its label.
        security_opt=["label=disable"],
        # Where the daemon shifts user ids, the user's files would belong to nobody.
        userns_mode="host",
        read_only=spec.read_only,
        volumes_from=[spec.volumes_of] if spec.volumes_of else None,
    )
    if info.kind == "podman" and info.rootless:
        # The SDK's check knows "host" only; this maps the user to the same uid inside.
        config["UsernsMode"] = "keep-id"
    return config


def mounts(
    spec: ContainerSpec, info: EngineInfo, *, data_root: str, mount_table: str
) -> tuple[list[docker.types.Mount], dict[str, str]]:
    """The mounts of the container, as `mounts=` and `tmpfs=` take them.

    `binds=` splits its text at colons, makes directories as root for sources that are missing, and mistakes
    some forms for volumes. A tmpfs that is one of `mounts=` has no source, and an engine that is asked for the
    volumes of such a container (`volumes_from`) looks for a volume without a name.
    """
    wanted = binds(
        spec.mounts,
        mount_table,
        data_root=data_root,
        hidden=spec.hidden,
        rootless=info.rootless,
        resolve=os.path.realpath,
    )
    own = (
        Bind(spec.agent, AGENT_PATH, writable=False, recursive=info.rootless),
        Bind(spec.agent_directory, AGENT_DIRECTORY, writable=True, recursive=True),
        Bind(spec.host_directory, HOST_DIRECTORY, writable=False, recursive=info.rootless),
    )
    hidden_root = data_root if info.kind == "docker" else ""
    binding = [_mount(item, hidden_root) for item in (*wanted, *own) if isinstance(item, Bind)]
    return binding, {item.target: "ro,size=64k" for item in wanted if isinstance(item, Cover)}


def _mount(item: Bind, data_root: str) -> docker.types.Mount:
    mount = docker.types.Mount(item.target, _source(item, data_root), type="bind", read_only=not item.writable)
    if not item.recursive:
        mount["BindOptions"] = {"NonRecursive": True}
    return mount


def _source(item: Bind, data_root: str) -> str:
    """The source under the name by which the engine binds it privately.

    Docker gives each bind that contains its data root the propagation rslave, so that no container keeps
    layers busy: whatever the host mounts later appears in it, and writable. A bind without what is mounted
    below keeps nothing busy; under the name with a dot Docker does not see its data root in it.
    Naming the propagation does not do: Docker refuses rprivate here, and rslave where / is private.
    """
    if item.recursive or not data_root or not (data_root + "/").startswith(item.source.rstrip("/") + "/"):
        return item.source
    return item.source.rstrip("/") + "/."


def port_bindings(spec: ContainerSpec) -> dict[int | str, list[object]] | None:
    """Which ports of the host lead to which of the container; None in the host's network."""
    if spec.network == "host" or not spec.publish:
        return None
    result: dict[int | str, list[object]] = {}
    for text in spec.publish:
        try:
            found: dict[str, Sequence[object]] = build_port_bindings([text])
            for binding in (each for several in found.values() for each in several):
                if isinstance(binding, tuple):
                    ipaddress.ip_address(binding[0])  # the SDK takes more for an address
        except ValueError as error:
            raise UsageError(
                f"publish {text!r}", "that is no port mapping", "use [HOST-IP:]HOST:CONTAINER[/tcp|/udp]"
            ) from error
        for port, bindings in found.items():
            result.setdefault(port, []).extend(bindings)
    return result


def exposed_ports(spec: ContainerSpec) -> list[tuple[int, str]] | None:
    """The container's ports that `publish` names."""
    bindings = port_bindings(spec)
    if bindings is None:
        return None
    parts = [str(port).partition("/") for port in bindings]
    return [(int(number), protocol or "tcp") for number, _, protocol in parts]
