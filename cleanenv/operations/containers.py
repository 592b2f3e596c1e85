"""The container of an environment: made, started with a listening agent, made again when somebody removed it."""

from __future__ import annotations

import contextlib
import os
import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cleanenv
from cleanenv import gate
from cleanenv.agent.activity import ask_activity
from cleanenv.agent.client import AgentAbsentError, AgentClient
from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, save_state
from cleanenv.errors import AgentError, EngineError, UsageError
from cleanenv.files import replace_file
from cleanenv.model.configuration import Configuration
from cleanenv.model.container import AGENT_DIRECTORY, HOST_DIRECTORY, STOP_GRACE_S, Container, ContainerSpec, Image
from cleanenv.model.environment import RuntimePaths
from cleanenv.model.mount import ROOT_MOUNT_POINT, Mount
from cleanenv.model.packed import LABEL as PACKED_LABEL
from cleanenv.model.state import State
from cleanenv.operations.interrupts import uninterrupted
from cleanenv.processes import is_idle

__all__ = [
    "ID_LABEL",
    "OWNER_LABEL",
    "PATH_LABEL",
    "SNAPSHOT_LABEL",
    "check_root_mount",
    "container_name",
    "create_container",
    "ensure_running",
    "held_if_idle",
    "is_running",
    "is_used",
    "own_containers",
    "remove_others",
    "replace_container",
    "stop_container",
]

ID_LABEL = "cleanenv.id"
PATH_LABEL = "cleanenv.path"
OWNER_LABEL = "cleanenv.owner"  # an engine may serve several users
# The number of the snapshot whose image it is; empty on a container, which would pass its image's on.
SNAPSHOT_LABEL = "cleanenv.snapshot"
_AGENT_WAIT_S = 20.0
_POLL_S = 0.004  # the agent listens some 20 ms after the engine says "started"; there is nothing to wait on


def create_container(engine: Engine, environment: Environment, image: Image, *, volumes_of: str = "") -> Environment:
    """Create the environment's container, not started. Returns the environment with its id; nothing is saved."""
    state = environment.state
    container = engine.create_container(
        ContainerSpec(
            name=container_name(state.id),
            image_id=image.id,
            agent=str(environment.paths.agent),
            agent_directory=str(environment.runtime.agent_directory),
            host_directory=str(environment.runtime.host_directory),
            arguments=_agent_arguments(state, environment.configuration),
            mounts=state.mounts,
            labels=(
                (ID_LABEL, state.id),
                (PATH_LABEL, str(environment.paths.root)),
                (OWNER_LABEL, str(state.owner)),
                (SNAPSHOT_LABEL, ""),
                (PACKED_LABEL, ""),  # which an image that was frozen passes on
                ("cleanenv.version", cleanenv.__version__),
            ),
            environment=tuple(f"{name}={value}" for name, value in _variables(environment, image).items()),
            network=environment.configuration.effective_network,
            publish=environment.configuration.publish,
            # Who could write to its launch table, or speak to its server, would be the user on the host.
            hidden=str(environment.runtime.root.parent),
            volumes_of=volumes_of,
            read_only=state.frozen,
        )
    )
    return replace(environment, state=replace(state, container_id=container.id))


def own_containers(engine: Engine, uid: int, label: str = ID_LABEL) -> tuple[Container, ...]:
    """The containers with the label (`NAME` or `NAME=VALUE`) that cleanenv made for that user.

    One that somebody else made of a container's image has its labels, but not its name.
    """
    found = ((each, dict(each.labels)) for each in engine.containers(label))
    return tuple(
        each
        for each, labels in found
        if labels.get(OWNER_LABEL) == str(uid) and each.name == container_name(labels.get(ID_LABEL, ""))
    )


def container_name(identifier: str) -> str:
    """The name of the environment's container."""
    return f"cleanenv-{identifier}"


def ensure_running(engine: Engine, environment: Environment) -> Environment:
    """Start the container, if it does not run, and wait until its agent answers.

    A container that was removed behind our back is made again from its snapshot; what it had changed is lost then.
    Returns the environment with the container's present id. Raises EngineError with the agent's last words when it
    ends at once.
    """
    container = engine.container(environment.state.container_id)
    if container is None:
        # A command that was killed may have made one and not come to say so in the state.
        current = environment.state.history.current
        others = engine.containers(f"{ID_LABEL}={environment.state.id}")
        container = next((each for each in others if each.image_id == current.image_id), None)
        if container is not None:
            environment = replace(environment, state=replace(environment.state, container_id=container.id))
        else:
            image = engine.image(current.image_id)
            if image is None:
                raise _nothing_left(environment)
            remove_others(engine, environment)  # its name may be taken
            environment = create_container(engine, environment, image)
        save_state(environment.paths, environment.state)
    remove_others(engine, environment)
    if container is None or not container.is_running:
        _start(engine, environment)
    _note_engine(engine, environment)
    wait_for_agent(engine, environment.state.container_id, environment.runtime)
    return environment


def replace_container(
    engine: Engine, environment: Environment, old: Container | None, state: State, image: Image, *, start: bool
) -> Environment:
    """Put a container as `state` wants it, made from `image`, in place of the environment's, the `old` one.

    No program runs in that one, and nobody can call it (cleanenv/gate.py). It runs on until the new one answers, unless
    both would listen on the same ports of the host; then it is what `remove_others` removes. Volumes go over to the new
    one. The state says of it before it is started: no call reaches a container of which the state does not speak. When
    it does not start, all is as before. Returns the environment with the new container.
    """
    after = replace(environment, state=state)
    with contextlib.ExitStack() as undo:
        if start:
            with uninterrupted():
                gate.renew(environment.runtime)
                undo.callback(gate.put_back, environment.runtime)
        if old is not None:
            with uninterrupted():
                engine.rename_container(old.id, f"{container_name(environment.state.id)}-before")
                undo.callback(engine.rename_container, old.id, container_name(environment.state.id))
        with uninterrupted():
            volumes_of = old.id if old is not None and image.volumes else ""
            made = create_container(engine, after, image, volumes_of=volumes_of)
            undo.callback(engine.remove_container, made.state.container_id)
        with uninterrupted():
            undo.callback(save_state, environment.paths, environment.state)
            save_state(made.paths, made.state)
        if start:
            if old is not None and old.is_running and environment.configuration.publish:
                engine.stop_container(old.id, STOP_GRACE_S)
            _start(engine, made)
            wait_for_agent(engine, made.state.container_id, made.runtime)
        undo.pop_all()
    gate.open_again(made.runtime)
    return made


def remove_others(engine: Engine, environment: Environment) -> Container | None:
    """Remove the containers that a killed command left: all of the environment's but the one that its state names.

    Returns that one, None when somebody removed it.
    """
    own = None
    for each in engine.containers(f"{ID_LABEL}={environment.state.id}"):
        if each.id == environment.state.container_id:
            own = each
        else:
            engine.remove_container(each.id)
    if own is not None and own.name != container_name(environment.state.id):
        engine.rename_container(own.id, container_name(environment.state.id))
    return own


@contextlib.contextmanager
def held_if_idle(environment: Environment, container: Container) -> Iterator[contextlib.ExitStack | None]:
    """Keep new calls out during the block, if no program runs in the container; None when one does.

    One with programs of on_activate or on_deactivate is never called idle, one that does not run is. Who empties the
    stack is who lets calls in again (cleanenv/gate.py).
    """
    with contextlib.ExitStack() as held:
        if container.is_running:
            gate.close(environment.runtime)
            held.callback(gate.open_again, environment.runtime)
            if is_used(environment, container):
                held.close()
                yield None
                return
        yield held


def is_used(environment: Environment, container: Container) -> bool:
    """Whether its end would be noticed inside: by a program, or by those of on_activate and on_deactivate.

    For who has closed the way to it.
    """
    configuration = environment.configuration
    if configuration.on_activate or configuration.on_deactivate:
        return True
    try:
        calls = ask_activity(environment.runtime.closing_directory).calls
    except AgentError:
        return True
    return calls > 0 or not is_idle(container.pid)


def _start(engine: Engine, environment: Environment) -> None:
    check_root_mount(environment.state.mounts)
    # The socket of a container before would take the connection of a wait that looks too early.
    Path(environment.runtime.agent_socket).unlink(missing_ok=True)
    engine.start_container(environment.state.container_id)


def _nothing_left(environment: Environment) -> EngineError:
    what = f"environment {environment.paths.root}"
    root = shlex.quote(str(environment.paths.root))
    current = environment.state.history.current
    if current.parent is None:
        return EngineError(
            what,
            f"its container and its image {environment.state.image_name} were removed from the engine",
            f"cleanenv create --clear {root}",
        )
    return EngineError(
        what,
        f"its container and the image of snapshot {current.id} ({current.name}) were removed from the engine",
        f"cleanenv snapshot restore -e {root} {current.parent}",
    )


def _note_engine(engine: Engine, environment: Environment) -> None:
    """For the environment server, which starts the container by itself where nothing else is to be done."""
    path = environment.runtime.engine
    address = engine.address.encode("utf-8", "surrogateescape")
    if not path.exists() or path.read_bytes() != address:
        replace_file(path, address, mode=0o600)


def check_root_mount(mounts: Iterable[Mount]) -> None:
    """Raise UsageError if the host has something where the container has the host's root (rule M7)."""
    if os.path.lexists(ROOT_MOUNT_POINT) and any(mount.container == ROOT_MOUNT_POINT for mount in mounts):
        raise UsageError(
            f"mount point {ROOT_MOUNT_POINT}",
            f"the host itself has a {ROOT_MOUNT_POINT}: its paths would mean two things",
            "create the environment with another mount point: --directory /:/host",
        )


def is_running(engine: Engine, environment: Environment) -> bool:
    """Whether the engine has the container, and it runs."""
    container = engine.container(environment.state.container_id)
    return container is not None and container.is_running


def stop_container(engine: Engine, environment: Environment) -> None:
    """Stop it: its agent gives programs TERM, and KILL after the grace. One that somebody removed has stopped."""
    if engine.container(environment.state.container_id) is not None:
        grace = environment.configuration.effective_grace + STOP_GRACE_S
        engine.stop_container(environment.state.container_id, grace)


def wait_for_agent(engine: Engine, container_id: str, runtime: RuntimePaths) -> None:
    """Wait until the agent answers. Raises EngineError when its container ends first, or after a bounded time."""
    deadline = time.monotonic() + _AGENT_WAIT_S
    next_look = time.monotonic() + 0.25
    while True:
        try:
            with contextlib.closing(AgentClient(str(runtime.agent_socket), timeout_s=5.0)) as agent:
                agent.exists(["/"])
        except AgentAbsentError:
            pass
        else:
            return
        now = time.monotonic()
        if now >= next_look:
            next_look = now + 0.25
            container = engine.container(container_id)
            if container is None or not container.is_running or now >= deadline:
                words = engine.logs(container_id, lines=5).strip() if container else "it was removed"
                raise EngineError(
                    "container",
                    f"its agent does not answer: {words or 'it ended without a word'}",
                    f"docker logs {container_id[:12]}",
                )
        time.sleep(_POLL_S)


def _agent_arguments(state: State, configuration: Configuration) -> tuple[str, ...]:
    user = state.user
    arguments = ["--socket", f"{AGENT_DIRECTORY}/agent.sock", "--owner", str(state.owner)]
    arguments += ["--user", user.name, "--uid", str(user.uid), "--home", user.home]
    for group in user.groups:
        arguments += ["--group", f"{group.name}:{group.gid}"]
    arguments += ["--grace", str(configuration.effective_grace)]
    if configuration.sudo:
        arguments.append("--new-privileges")
    return tuple(arguments)


def _variables(environment: Environment, image: Image) -> dict[str, str]:
    """What programs have unless their caller sets it."""
    # What the user links of the host is meant, also where the image has its like.
    own = f"{HOST_DIRECTORY}/bin:{environment.state.user.home}/.local/bin:"
    return {
        # An image of the environment's own container has it already.
        "PATH": own + _image_path(image).removeprefix(own),
        # Distributions mark their Python as managed by their packages (PEP 668); the environment is there to install
        # into. Not PIP_USER: pip takes the home by itself where it must, and the variable would break venvs.
        "PIP_BREAK_SYSTEM_PACKAGES": "1",
        **dict(environment.configuration.environment),
    }


def _image_path(image: Image) -> str:
    for variable in image.environment:
        name, _, value = variable.partition("=")
        if name == "PATH" and value:
            return value
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
