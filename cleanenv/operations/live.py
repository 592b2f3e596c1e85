"""The live directory of an environment: its server, its launch table, its activation scripts."""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import replace
from pathlib import Path

from cleanenv import mounts
from cleanenv.activation import scripts
from cleanenv.configuration_file import dump_configuration
from cleanenv.environments import Environment
from cleanenv.errors import EnvironmentStateError
from cleanenv.files import replace_file
from cleanenv.launch_table import dump_launch_table, is_readable_by_ours
from cleanenv.model.configuration import Configuration
from cleanenv.model.host import Host
from cleanenv.operations.host_directory import write_host_links
from cleanenv.profiles import effective_profiles
from cleanenv.server import control, process
from cleanenv.server.settings import ServedFile, ServerSettings

__all__ = ["copy_program", "ensure_mounted", "enter", "native_program", "publish", "unmount"]

_ENTER_TIMEOUT_S = 180.0  # somebody else may be stopping it just now
_NATIVE = Path(__file__).parents[1] / "native"

# What the server hands to the `cleanenv start` that it runs for a launcher: how to reach the engine, and no secrets.
_SERVER_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME")
# What a program of the host has of the user's own when the container calls it: who he is, his language, his screen, his
# agents, his choice of programs.
_HOST_VARIABLES = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR"),
    *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS"),
    *("EDITOR", "VISUAL", "PAGER", "BROWSER"),
)
_HOST_FAMILIES = ("LC_", "XDG_")


def native_program(name: str) -> Path:
    """The built agent or launcher of this cleanenv."""
    return _NATIVE / name


def copy_program(name: str, target: Path) -> None:
    """Put the program into an environment, which so goes on with its own after an upgrade.

    The agent is kept for as long as the environment, the launcher until the live directory is mounted the next time.
    """
    source = native_program(name)
    if not source.is_file():
        raise EnvironmentStateError(
            f"program {source}",
            "this installation of cleanenv was not built",
            "pip install --force-reinstall cleanenv",
        )
    replace_file(target, source.read_bytes(), stat.S_IMODE(source.stat().st_mode) | 0o555)


def ensure_mounted(environment: Environment, host: Host) -> None:
    """Serve the live directory if nobody does; a dead mount is replaced. Raises MountError.

    What a server of another version serves goes on with its own launcher and launch table. A new one serves ours.
    """
    is_live = mounts.state(str(environment.paths.bin)) is mounts.MountState.LIVE
    if is_live and _is_of_another_version(environment):
        return
    if not is_live and not _is_our_launcher(environment.paths.launcher):
        copy_program("launcher", environment.paths.launcher)
    write_launch_table(environment, host)
    if not is_live:
        process.start(_settings(environment, host))


def publish(environment: Environment, configuration: Configuration, host: Host) -> None:
    """Give the environment another configuration. What calls need to know of it they know at once, its links too.

    Raises EnvironmentStateError when the live directory is of another version, or the file cannot be written.
    """
    is_live = mounts.state(str(environment.paths.bin)) is mounts.MountState.LIVE
    if is_live and _is_of_another_version(environment):
        here = shlex.quote(str(environment.paths.root))
        raise EnvironmentStateError(
            f"live directory {environment.paths.bin}",
            "it is served by another version of cleanenv, which does not know the change",
            f"cleanenv umount -e {here} && cleanenv mount -e {here}",
        )
    path = environment.paths.configuration
    try:
        replace_file(path, dump_configuration(configuration), mode=0o600)
    except OSError as error:
        raise EnvironmentStateError(f"configuration {path}", error.strerror or str(error)) from error
    environment = replace(environment, configuration=configuration)
    write_launch_table(environment, host)
    if is_live:
        control.request(str(environment.runtime.control_socket), "reload", _settings(environment, host).to_object())


def _is_our_launcher(path: Path) -> bool:
    try:
        return path.read_bytes() == native_program("launcher").read_bytes()
    except FileNotFoundError:
        return False


def _is_of_another_version(environment: Environment) -> bool:
    path = environment.runtime.launch_table
    return path.exists() and not is_readable_by_ours(path.read_bytes())


def enter(environment: Environment, pid: int) -> None:
    """Make the process a session of the environment. Raises EnvironmentStateError when it cannot be."""
    control.request(str(environment.runtime.control_socket), "enter", pid, timeout_s=_ENTER_TIMEOUT_S)


def unmount(environment: Environment) -> None:
    """End the server and take the live directory away, also from under programs that still run."""
    try:
        control.request(str(environment.runtime.control_socket), "exit")
    except (control.ServerAbsentError, control.ServerSilentError):
        mounts.unmount(str(environment.paths.bin), lazy=True)


def write_launch_table(environment: Environment, host: Host) -> None:
    """Replace the launch table in one step, if it changed, and the one of the host links."""
    profiles = effective_profiles(environment.configuration.profiles, environment.configuration.effective_links)
    write_host_links(
        environment.paths,
        environment.runtime,
        environment.configuration.host_links,
        environment.state.mounts,
        profiles,
    )
    content = dump_launch_table(
        str(environment.paths.root),
        environment.state.user.home,
        environment.state.mounts,
        environment.configuration.effective_links,
        python=host.python,
        denied_variables=environment.configuration.deny_env,
        allowed_variables=environment.configuration.allow_env,
        profiles=profiles,
        snapshot_rules=environment.configuration.snapshot_rules,
    )
    path = environment.runtime.launch_table
    if not path.exists() or path.read_bytes() != content:
        replace_file(path, content, mode=0o600)


def _settings(environment: Environment, host: Host) -> ServerSettings:
    files = scripts.activation_scripts(environment.paths.root, host.python)
    return ServerSettings(
        environment=str(environment.paths.root),
        runtime_directory=environment.state.runtime_directory,
        uid=os.geteuid(),
        gid=os.getegid(),
        home=environment.state.user.home,
        links=environment.configuration.effective_links,
        files=tuple(ServedFile(file.name, file.content, file.mode) for file in files)
        + tuple(ServedFile(name, content) for name, content in scripts.commands(environment.paths.root, host.python)),
        launcher=str(environment.paths.launcher),
        python=host.python,
        variables=tuple(
            (name, value)
            for name, value in sorted(host.variables.items())
            if name in _SERVER_VARIABLES or name.startswith("DOCKER_")
        ),
        host_variables=tuple(
            (name, value)
            for name, value in sorted(host.variables.items())
            if name in _HOST_VARIABLES or name.startswith(_HOST_FAMILIES)
        )
        if environment.configuration.host_links
        else None,
        persistent=environment.configuration.persistent,
        idle_timeout=environment.configuration.effective_idle_timeout,
        grace=environment.configuration.effective_grace,
        on_activate=environment.configuration.on_activate,
        on_deactivate=environment.configuration.on_deactivate,
        snapshot_rules=environment.configuration.snapshot_rules,
    )
