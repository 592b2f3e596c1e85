"""An environment that comes back after a reboot: a unit of the user's systemd that starts it."""

from __future__ import annotations

import os
from pathlib import Path

from cleanenv.environments import Environment, open_environment
from cleanenv.errors import EnvironmentStateError
from cleanenv.model.host import Host
from cleanenv.systemd import UserUnits, quote, quote_argument, starts_at_boot

__all__ = ["install", "remove", "remove_unit", "unit_text"]

# Repeated without an end: at boot the user's manager may be faster than the engine, which is no unit of the user's.
_UNIT = """\
# Written by `cleanenv service install`; `cleanenv service remove` takes it away.
[Unit]
Description=cleanenv environment {title}
ConditionPathExists={state}
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
{variables}ExecStart={start}
ExecStop={stop}
TimeoutStartSec=300
Restart=on-failure
RestartSec=10

[Install]
WantedBy=default.target
"""
# How cleanenv finds the engine and the user's files; the rest of a session is of no use to a service.
_VARIABLES = ("PATH", "XDG_STATE_HOME", "XDG_CACHE_HOME")


def install(root: Path, host: Host) -> tuple[Path, bool]:
    """Install the unit. Returns its file, and whether it is started at boot already, not only at the first login.

    Raises EnvironmentStateError for an environment that is not persistent, ServiceError when systemd refuses.
    """
    environment = open_environment(root)
    if not environment.configuration.persistent:
        raise EnvironmentStateError(
            f"environment {root}",
            "it is not persistent: it would be started, and stopped when nobody uses it",
            f"write persistent = True below [global] in {environment.paths.configuration}, then: cleanenv umount",
        )
    units = _units(host)
    name = _name(environment.state.id)
    units.install(name, unit_text(environment, host))
    return units.path(name), starts_at_boot(host.user.name)


def remove(root: Path, host: Host) -> None:
    """Remove the unit; none there is no error. Raises ServiceError."""
    remove_unit(open_environment(root, with_configuration=False).state.id, host)


def remove_unit(identifier: str, host: Host) -> None:
    """Remove the unit of the environment of that id; none there is no error. Raises ServiceError."""
    _units(host).remove(_name(identifier))


def unit_text(environment: Environment, host: Host) -> str:
    """The text of the unit."""
    root = str(environment.paths.root)
    variables = {
        name: value
        for name, value in sorted(host.variables.items())
        if name in _VARIABLES or name.startswith("DOCKER_")
    }
    if "PATH" in variables:
        parts = variables["PATH"].split(":")
        live = str(environment.paths.bin)
        variables["PATH"] = ":".join(part for part in parts if os.path.normpath(part) != live)
    return _UNIT.format(
        title=root.replace("%", "%%"),
        state=str(environment.paths.state).replace("%", "%%"),
        variables="".join(f"Environment={quote(f'{name}={value}')}\n" for name, value in variables.items()),
        start=_command(host, "start", root),
        stop=_command(host, "stop", root),
    )


def _command(host: Host, verb: str, root: str) -> str:
    return " ".join(map(quote_argument, (host.python, "-I", "-m", "cleanenv", verb, "-e", root)))


def _units(host: Host) -> UserUnits:
    return UserUnits(host.configuration_directory / "systemd/user", host.variables)


def _name(identifier: str) -> str:
    return f"cleanenv-{identifier}.service"
