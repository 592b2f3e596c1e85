"""What is wrong with the environments that there are."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cleanenv
from cleanenv import mounts
from cleanenv.agent.client import AgentClient
from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, holding, open_environment
from cleanenv.errors import AgentError, CleanenvError, CorruptStateError, EnvironmentNotFoundError
from cleanenv.model.container import Container
from cleanenv.model.host import Host
from cleanenv.mounts import MountState
from cleanenv.operations import live
from cleanenv.operations.doctor.finding import Finding
from cleanenv.operations.snapshots.leftovers import has_leftovers, mend_leftovers, missing_images
from cleanenv.registry import Registry
from cleanenv.runtime import check_runtime_directory
from cleanenv.server import control

__all__ = ["examine"]

_STATUS_TIMEOUT_S = 2.0


def examine(host: Host, engine: Engine | None) -> Iterator[Finding]:
    """The findings of each environment in the user's list."""
    for root in Registry(host.state_directory).roots():
        try:
            environment = open_environment(root)
        except EnvironmentNotFoundError:
            continue  # what is left of it is for leftovers.py
        except CorruptStateError as error:
            yield Finding.of(error, f"cleanenv destroy {shlex.quote(str(root))}")
        except CleanenvError as error:
            yield Finding.of(error, f"ls -la {shlex.quote(str(root))}")
        else:
            yield from _files(environment)
            yield from _runtime_directory(environment, host)
            yield from _live_directory(environment, host)
            if engine is not None:
                yield from _container(environment, engine)
                yield from _snapshots(environment, engine)


def _files(environment: Environment) -> Iterator[Finding]:
    for program in (environment.paths.agent, environment.paths.launcher):
        if program.is_file():
            continue
        is_ours = environment.state.cleanenv_version == cleanenv.__version__
        why = "its programs cannot be started without it"
        yield Finding(
            f"program {program}",
            f"it is missing, {why}",
            "cleanenv doctor --fix" if is_ours else _made_anew(environment),
            partial(live.copy_program, program.name, program) if is_ours else None,
        )


def _runtime_directory(environment: Environment, host: Host) -> Iterator[Finding]:
    try:
        check_runtime_directory(environment.state.runtime_directory, host.user.uid)
    except CleanenvError as error:
        yield Finding.of(error, f"ls -ld {environment.state.runtime_directory}")


def _live_directory(environment: Environment, host: Host) -> Iterator[Finding]:
    bin_directory, root = environment.paths.bin, environment.paths.root

    def mount_again() -> None:
        with holding(root) as found:
            live.ensure_mounted(found, host)

    def replace_server() -> None:
        with holding(root) as found:
            live.unmount(found)
            live.ensure_mounted(found, host)

    what, mount = f"live directory {bin_directory}", _command("mount", root)
    match mounts.state(str(bin_directory)):
        case MountState.DEAD:
            yield Finding(what, "its server was killed", mount, mount_again)
        case MountState.SILENT:
            pid = _server_pid(environment)
            yield Finding(what, f"its server, process {pid}, does not answer", f"kill -9 {pid} && {mount}")
        case MountState.LIVE:
            version = _server_version(environment)
            if version not in {None, cleanenv.__version__}:
                why = f"its server is of cleanenv {version}, and this is {cleanenv.__version__}"
                yield Finding(what, why, f"{_command('umount', root)} && {mount}", replace_server)
        case MountState.ABSENT:
            pass  # nobody has said that it should be there


def _container(environment: Environment, engine: Engine) -> Iterator[Finding]:
    state = environment.state
    container, image = engine.container(state.container_id), engine.image(state.image_id)
    if image is None:
        lost = "a reset needs it" if container else "so was the container that was made of it"
        yield Finding(f"image {state.image_name}", f"it was removed, and {lost}", _made_anew(environment))
    if container is None:
        return  # the next call makes it again
    what = f"container {container.name} of {environment.paths.root}"
    if container.status == "paused":
        yield Finding(what, "it is paused", f"{engine.info().kind} unpause {container.name}")
    elif container.is_running and not _answers(environment):
        again = f"{_command('stop', environment.paths.root)} && {_command('start', environment.paths.root)}"
        yield Finding(what, f"it runs, and its agent does not answer{_words(engine, container)}", again)


def _snapshots(environment: Environment, engine: Engine) -> Iterator[Finding]:
    root = environment.paths.root
    for snapshot in missing_images(engine, environment):
        what = f"snapshot {snapshot.id} ({snapshot.name}) of {root}"
        yield Finding(
            what, "its image was removed from the engine", f"{_command('snapshot remove', root)} {snapshot.id}"
        )
    if has_leftovers(engine, environment):
        why = "the engine has images or containers of it that a killed command left"
        yield Finding(f"history of {root}", why, "cleanenv doctor --fix", partial(mend_leftovers, root, engine))


def _answers(environment: Environment) -> bool:
    try:
        with contextlib.closing(AgentClient(str(environment.runtime.agent_socket), timeout_s=2.0)) as agent:
            agent.exists(["/"])
    except AgentError:
        # It may be just being stopped.
        return environment.runtime.closing_directory.exists()
    return True


def _words(engine: Engine, container: Container) -> str:
    lines = engine.logs(container.id, lines=1).split()
    return f" ({' '.join(lines)})" if lines else ""


def _server_version(environment: Environment) -> str | None:
    try:
        told = control.request(str(environment.runtime.control_socket), "status", timeout_s=_STATUS_TIMEOUT_S)
    except CleanenvError:
        return None
    return str(told.get("version", "unknown"))


def _server_pid(environment: Environment) -> str:
    try:
        return environment.runtime.server_lock.read_text("ascii", "replace").strip()
    except OSError:
        return "(unknown)"


def _command(name: str, root: Path) -> str:
    return f"cleanenv {name} -e {shlex.quote(str(root))}"


def _made_anew(environment: Environment) -> str:
    return f"cleanenv create --clear {shlex.quote(str(environment.paths.root))}"
