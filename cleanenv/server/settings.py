"""All that an environment server is told: one value, one JSON document.

It travels as text through a descriptor or the control socket, from one version of cleanenv to the same one.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from cleanenv.errors import CorruptStateError
from cleanenv.model.environment import EnvironmentPaths, RuntimePaths
from cleanenv.model.link import Link
from cleanenv.model.snapshot_rule import SnapshotRule

__all__ = ["SETTINGS_VERSION", "ServedFile", "ServerSettings"]

SETTINGS_VERSION = 1


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file that the live directory serves as it is. `mode` is its permission bits."""

    name: str
    content: bytes = field(repr=False)
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What the server of one environment must know.

    `files` are the activation scripts, `cleanenv` and `destroy`; the server adds `inenv`, the launcher.
    `launcher` is the path of the launcher's binary as built; the server serves a copy with the runtime
    directory written in. `variables` are for the server's process, and for the `cleanenv start` which it runs
    when a launcher finds the container down: PATH, HOME, the engine's variables. `host_variables` are for programs
    of the host that the container calls; None where none are linked. `home` is the user's home in the container.
    `uid` and `gid` own the files. `persistent`, `idle_timeout` (seconds, 0: never), `grace` (seconds),
    `on_activate`, `on_deactivate` and `snapshot_rules` are the configuration's.
    """

    environment: str
    runtime_directory: str
    uid: int
    gid: int
    home: str
    links: tuple[Link, ...]
    files: tuple[ServedFile, ...]
    launcher: str
    python: str
    variables: tuple[tuple[str, str], ...] = ()
    host_variables: tuple[tuple[str, str], ...] | None = None
    persistent: bool = False
    idle_timeout: int = 0
    grace: int = 0
    on_activate: tuple[str, ...] = ()
    on_deactivate: tuple[str, ...] = ()
    snapshot_rules: tuple[SnapshotRule, ...] = ()

    @property
    def environment_paths(self) -> EnvironmentPaths:
        """The files in the environment."""
        return EnvironmentPaths(Path(self.environment))

    @property
    def runtime_paths(self) -> RuntimePaths:
        """The files of this host and boot."""
        return RuntimePaths(Path(self.runtime_directory))

    @property
    def mount_point(self) -> str:
        """Where the live directory is."""
        return str(self.environment_paths.bin)

    @property
    def lock_path(self) -> str:
        """Held (flock) by the server from before its mount until after it."""
        return str(self.runtime_paths.server_lock)

    def process_variables(self) -> dict[str, str]:
        """The variables of the server and its children, without the live directory in PATH.

        A search along PATH from within the server would ask the server, which is busy searching.
        """
        return self._without_mount(dict(self.variables))

    def host_program_variables(self) -> dict[str, str]:
        """The variables of programs of the host that the container calls; the same PATH."""
        return self._without_mount(dict(self.host_variables or ()))

    def _without_mount(self, variables: dict[str, str]) -> dict[str, str]:
        if "PATH" in variables:
            parts = variables["PATH"].split(":")
            variables["PATH"] = ":".join(p for p in parts if os.path.normpath(p) != self.mount_point)
        return variables

    def to_object(self) -> dict[str, object]:
        """The settings as JSON values, as the verb `reload` takes them."""
        return {
            "version": SETTINGS_VERSION,
            "environment": self.environment,
            "runtime_directory": self.runtime_directory,
            "uid": self.uid,
            "gid": self.gid,
            "home": self.home,
            "links": [[link.name, link.path] for link in self.links],
            # Any bytes survive: those that are not UTF-8 become surrogates, which JSON writes as escapes.
            "files": [[f.name, f.content.decode("utf-8", "surrogateescape"), f.mode] for f in self.files],
            "launcher": self.launcher,
            "python": self.python,
            "variables": [list(variable) for variable in self.variables],
            "host_variables": None if self.host_variables is None else [list(each) for each in self.host_variables],
            "persistent": self.persistent,
            "idle_timeout": self.idle_timeout,
            "grace": self.grace,
            "on_activate": list(self.on_activate),
            "on_deactivate": list(self.on_deactivate),
            "snapshot_rules": [[rule.program, rule.pattern, rule.name, rule.always] for rule in self.snapshot_rules],
        }

    def to_json(self) -> str:
        """The settings as one line of ASCII."""
        return json.dumps(self.to_object())

    @classmethod
    def from_json(cls, text: str | bytes) -> ServerSettings:
        """Read what `to_json` wrote. Raises CorruptStateError for anything else."""
        try:
            return cls.from_object(json.loads(text))
        except ValueError as error:
            raise _damaged(str(error)) from error

    @classmethod
    def from_object(cls, data: object) -> ServerSettings:
        """Read what `to_object` made. Raises CorruptStateError for anything else."""
        if not isinstance(data, dict):
            raise _damaged("not an object")
        try:
            if data["version"] != SETTINGS_VERSION:
                raise _damaged(f"version {data['version']!r} instead of {SETTINGS_VERSION}")
            settings = cls(
                environment=_text(data["environment"]),
                runtime_directory=_text(data["runtime_directory"]),
                uid=_number(data["uid"]),
                gid=_number(data["gid"]),
                home=_text(data["home"]),
                links=tuple(Link(None if name is None else _text(name), _text(path)) for name, path in data["links"]),
                files=tuple(
                    ServedFile(_text(name), _text(content).encode("utf-8", "surrogateescape"), _number(mode))
                    for name, content, mode in data["files"]
                ),
                launcher=_text(data["launcher"]),
                python=_text(data["python"]),
                variables=tuple((_text(name), _text(value)) for name, value in data["variables"]),
                host_variables=None
                if data["host_variables"] is None
                else tuple((_text(name), _text(value)) for name, value in data["host_variables"]),
                persistent=_switch(data["persistent"]),
                idle_timeout=_number(data["idle_timeout"]),
                grace=_number(data["grace"]),
                on_activate=tuple(_text(line) for line in data["on_activate"]),
                on_deactivate=tuple(_text(line) for line in data["on_deactivate"]),
                snapshot_rules=tuple(
                    SnapshotRule(_text(program), _text(pattern), _text(name), _switch(always))
                    for program, pattern, name, always in data["snapshot_rules"]
                ),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(f"{type(error).__name__}: {error}") from error
        if not (settings.environment.startswith("/") and settings.runtime_directory.startswith("/")):
            raise _damaged("a path is not absolute")
        return settings


def _damaged(why: str) -> CorruptStateError:
    return CorruptStateError("settings of the environment server", why)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r}")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a number, got {value!r}")
    return value
