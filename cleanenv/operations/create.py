"""Create an environment: validate everything, then act; what was made is removed again when anything fails."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

import cleanenv
from cleanenv.accounts import has_account
from cleanenv.activation.scripts import activation_scripts
from cleanenv.agent.client import AgentClient
from cleanenv.agent.wire import Presence
from cleanenv.configuration_file import dump_configuration
from cleanenv.engine import base_image
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, save_state
from cleanenv.errors import CorruptStateError, EnvironmentNotFoundError, EnvironmentStateError, UsageError
from cleanenv.files import locked, replace_file
from cleanenv.model.configuration import Configuration
from cleanenv.model.environment import EnvironmentPaths
from cleanenv.model.host import Host
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount, check_distinct, with_defaults
from cleanenv.model.state import State
from cleanenv.model.user import User
from cleanenv.operations import containers, hooks, live
from cleanenv.operations.destroy import destroy, destroy_damaged
from cleanenv.operations.hooks import Warn
from cleanenv.operations.host_links import check_host_links
from cleanenv.operations.interrupts import uninterrupted
from cleanenv.operations.lock.rebuild import Rebuild
from cleanenv.operations.origin import BaseImage, Origin
from cleanenv.operations.snapshots.images import image_of
from cleanenv.operations.snapshots.leftovers import remove_all
from cleanenv.registry import Registry
from cleanenv.runtime import choose_runtime_directory, make_runtime_directory

__all__ = ["check_links", "create"]

_IDENTIFIER_BYTES = 6
_ANOTHER_CONTAINER = "container:"
_LOOK = "cleanenv exec -e {environment} -- ls -l {directory}"


def create(  # noqa: PLR0913, PLR0915 (what a creation depends on, and its steps in their order)
    root: Path,
    configuration: Configuration,
    host: Host,
    *,
    clear: bool,
    connect: Callable[[], Engine],
    os_release: Mapping[str, str],
    progress: ProgressReport,
    warn: Warn,
    sources: Mapping[str, str],
    rebuild: Rebuild | None = None,
    origin: Origin | None = None,
) -> Environment:
    """Create the environment at `root` and leave it running, its programs callable.

    `sources` says where a setting was said that was not typed, by its kind and name (`network`, `link cc`). `rebuild`
    makes it as a lock file says.

    With an `origin` it begins with the snapshots of that, at the same one.

    Raises UsageError for anything that cannot be, before anything is made; after any later error, an interrupt
    included, nothing of the new environment is left. With `clear` an environment at that path is destroyed first.
    """
    mounts = with_defaults(configuration.mounts)
    _check_account(host.user.uid)
    _check_root(root, clear=clear)
    _check_mounts(mounts, sources)
    _check_publish(configuration, sources)
    content = dump_configuration(configuration)
    engine = connect()
    _check_network(engine, configuration.effective_network, sources)
    if origin is None:
        resolve = partial(
            base_image.resolve,
            engine,
            os_release=os_release,
            cache_directory=host.cache_directory / "images",
            progress=progress,
            environ=host.variables,
        )
        image = resolve(configuration.base) if rebuild is None else rebuild.image(engine, progress, resolve)
        origin = BaseImage(image, configuration.base)
    user = origin.user(engine, configuration.user, host.user)
    check_host_links(configuration.host_links, host.user.uid, user)
    _check_home(user, mounts, sources)
    if clear and EnvironmentPaths(root).private.exists():
        try:
            destroy(root, host, connect=lambda: engine, warn=warn)
        except (EnvironmentNotFoundError, CorruptStateError):
            destroy_damaged(root, host, engine)

    progress("creating the environment", 0, None)
    identifier = secrets.token_hex(_IDENTIFIER_BYTES)
    created = int(time.time())
    paths = EnvironmentPaths(root)
    with _Undo() as undo:
        with uninterrupted():
            runtime = make_runtime_directory(choose_runtime_directory(host, identifier), host.user.uid)
            undo.callback(shutil.rmtree, runtime.root, ignore_errors=True)
        # Held from now on: what is half-made and not locked was left by a command that was killed.
        with locked(runtime.lock):
            with uninterrupted():
                _make_directories(paths, undo)
                registry = Registry(host.state_directory)
                undo.callback(registry.remove, identifier)
                registry.add(identifier, root)
            for name in ("agent", "launcher"):
                live.copy_program(name, paths.private / name)
            # Its [environment] may hold secrets.
            replace_file(paths.configuration, content, mode=0o600)
            for script in activation_scripts(root, host.python):
                undo.callback((paths.bin / script.name).unlink, missing_ok=True)
                replace_file(paths.bin / script.name, script.content, script.mode)
            undo.callback(remove_all, engine, identifier)
            labels = {containers.PATH_LABEL: str(root), containers.OWNER_LABEL: str(host.user.uid)}
            history = origin.install(engine, identifier, labels, progress)
            planned = Environment(
                paths,
                State(
                    id=identifier,
                    path=str(root),
                    cleanenv_version=cleanenv.__version__,
                    created=created,
                    owner=host.user.uid,
                    user=user,
                    mounts=mounts,
                    image_name=origin.image_name,
                    container_id="",
                    runtime_directory=str(runtime.root),
                    history=history,
                ),
                configuration,
            )
            image = image_of(engine, planned, history.current)
            with uninterrupted():
                environment = containers.create_container(engine, planned, image)
                undo.callback(engine.remove_container, environment.state.container_id)
            save_state(paths, environment.state)
            environment = containers.ensure_running(engine, environment)
            undo.callback(live.unmount, environment)
            if rebuild is not None:
                rebuild.install(engine, environment, host, progress)
            # What a difference has left out is missed by links to it as well.
            if rebuild is None or not rebuild.differences:
                look = f"create it without this link, then see: {_LOOK}"
                # What was linked in the origin may be in another of its snapshots.
                known = origin.configuration.links or ()
                new = tuple(link for link in configuration.links or () if link not in known)
                check_links(environment, new, look=look, sources=sources)
            with uninterrupted():
                live.ensure_mounted(environment, host)
        undo.pop_all()
    if rebuild is not None:
        environment = rebuild.keep(engine, environment, host, progress, warn)
    hooks.activated(engine, environment, host, warn)
    return environment


class _Undo(contextlib.ExitStack):
    """What is to be taken back when a step fails. An interrupt meanwhile waits until all of it is."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool:
        with uninterrupted():
            return bool(super().__exit__(kind, error, trace))


def check_links(
    environment: Environment, links: tuple[Link, ...], *, look: str = _LOOK, sources: Mapping[str, str] | None = None
) -> None:
    """Raise UsageError for a link to what the container has not, or what is no program; patterns may be empty.

    `look` is the hint how to see what there is, `sources` as for create.
    """
    named = [link for link in links if not link.is_glob]
    if not named:
        return
    patterns = [_literal(link.path) for link in named]
    with contextlib.closing(AgentClient(str(environment.runtime.agent_socket), timeout_s=10.0)) as agent:
        found = {match.pattern for match in agent.glob(patterns)}
        for index, link in enumerate(named):
            if index in found:
                continue
            # Of what is in the home the agent tells only whether it is a program.
            exists = not link.path.startswith("~/") and agent.exists([link.path])[0] is not Presence.ABSENT
            reason = "it is no program: not a file that may be executed" if exists else "the container has no such file"
            raise UsageError(
                (sources or {}).get(f"link {link.name}", f"link {link.name}:{link.path}"),
                reason,
                look.format(
                    environment=shlex.quote(str(environment.paths.root)),
                    directory=_quoted_directory(os.path.dirname(link.path)),
                ),
            )


def _quoted_directory(path: str) -> str:
    home, rest = ("~", path[1:]) if path.startswith("~") else ("", path)
    return home + (shlex.quote(rest) if rest else "")


def _literal(path: str) -> str:
    return "".join("\\" + character if character in "\\*?[" else character for character in path)


def _check_account(uid: int) -> None:
    if uid != 0 and not has_account(uid):
        raise UsageError(
            f"user {uid}",
            "the host has no account of that id, without which fusermount mounts nothing",
            f"useradd --create-home --uid {uid} NAME",
        )


def _check_root(root: Path, *, clear: bool) -> None:
    what = f"environment {root}"
    _check_name(root, what)
    paths = EnvironmentPaths(root)
    try:
        if paths.private.is_dir() and not clear:
            raise _exists(root)
        if root.exists() and not root.is_dir():
            raise UsageError(what, "the path is not a directory", "choose another path")
        if not paths.private.exists() and paths.bin.exists() and any(paths.bin.iterdir()):
            raise UsageError(what, f"{paths.bin} is not empty and would be hidden", "choose another path")
        if not paths.private.exists() and os.path.lexists(paths.configuration):
            raise UsageError(what, "there is a cleanenv.conf that it would replace", "choose another path")
        parent = next(parent for parent in root.parents if parent.exists())
        if not parent.is_dir():
            raise UsageError(what, f"{parent} is not a directory", "choose another path")
    except OSError as error:
        raise UsageError(what, error.strerror or str(error), "choose another path") from error


def _check_name(root: Path, what: str) -> None:
    if ":" in str(root):
        raise UsageError(what, "a colon ends an element of PATH", "choose a path without a colon")
    if "\n" in str(root) or "\0" in str(root):
        raise UsageError(what, "a path cannot contain a newline here", "choose another path")
    if any(len(os.fsencode(part)) > os.pathconf("/", "PC_NAME_MAX") for part in root.parts):
        raise UsageError(what, "a part of the path is longer than a file name can be", "choose a shorter name")


def _check_mounts(mounts: tuple[Mount, ...], sources: Mapping[str, str]) -> None:
    check_distinct(mounts)
    for mount in mounts:
        if not os.path.exists(mount.host):
            what = f"directory {mount.host}"
            hint = f"mkdir -p {shlex.quote(mount.host)}"
            raise UsageError(sources.get(what, what), f"there is no {mount.host} on the host", hint)
    containers.check_root_mount(mounts)


def _check_publish(configuration: Configuration, sources: Mapping[str, str]) -> None:
    network = configuration.effective_network
    if network == "host":
        why = "in the host's network every port is the host's already"
    elif network == "none" or network.startswith(_ANOTHER_CONTAINER):
        why = f"network {network} has no ports to publish"
    else:
        return
    for port in configuration.publish:
        raise UsageError(
            sources.get("publish", f"publish {port}"), why, "leave --publish away, or give --network bridge"
        )


def _check_network(engine: Engine, network: str, sources: Mapping[str, str]) -> None:
    what = sources.get("network", f"network {network}")
    if network.startswith(_ANOTHER_CONTAINER):
        if engine.container(network.removeprefix(_ANOTHER_CONTAINER)) is None:
            raise UsageError(what, "the engine has no such container", f"{engine.info().kind} ps")
        return
    found = engine.networks()
    if network not in found:
        why = f"the engine has none of that name, but {', '.join(found)}"
        raise UsageError(what, why, f"{engine.info().kind} network create {shlex.quote(network)}")


def _check_home(user: User, mounts: tuple[Mount, ...], sources: Mapping[str, str]) -> None:
    """A home that is missing is made in the container, but never on a mount, where it would be the host's."""
    covering = [each for each in mounts if f"{user.home}/".startswith(f"{each.container}/")]
    if not covering:
        return
    mount = max(covering, key=lambda each: len(each.container))
    path = mount.host.rstrip("/") + user.home.removeprefix(mount.container)
    if not os.path.isdir(path):
        raise UsageError(
            sources.get("user", f"user {user.name}"),
            f"the home {user.home} is on the mount {mount.container}, and {path} is not there",
            f"mkdir {shlex.quote(path)}",
        )


def _exists(root: Path) -> UsageError:
    hint = f"cleanenv create --clear {shlex.quote(str(root))}"
    return UsageError(f"environment {root}", "there is one at that path", hint)


def _make_directories(paths: EnvironmentPaths, undo: contextlib.ExitStack) -> None:
    """Make the environment's directories, and note each that was missing to be removed again."""
    missing = [directory for directory in (paths.root, *paths.root.parents) if not directory.exists()]
    try:
        for directory in reversed(missing):
            with contextlib.suppress(FileExistsError):  # somebody else made it meanwhile: it is not ours to remove
                directory.mkdir()
                undo.callback(_remove_empty, directory)
        try:
            paths.private.mkdir(mode=0o700)
        except FileExistsError:
            raise _exists(paths.root) from None
        undo.callback(shutil.rmtree, paths.private, ignore_errors=True)
        if not paths.bin.exists():
            paths.bin.mkdir()
            undo.callback(shutil.rmtree, paths.bin, ignore_errors=True)
    except OSError as error:
        raise EnvironmentStateError(
            f"environment {paths.root}", f"{error.filename}: {error.strerror}", "choose another path"
        ) from error
    undo.callback(paths.configuration.unlink, missing_ok=True)


def _remove_empty(directory: Path) -> None:
    with contextlib.suppress(OSError):
        directory.rmdir()
