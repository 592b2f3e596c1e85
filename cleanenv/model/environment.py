"""Where an environment keeps its files: the persistent ones in its own directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EnvironmentPaths", "RuntimePaths", "is_environment_id"]

_ID = re.compile(r"[0-9a-f]{12}\Z")


def is_environment_id(text: str) -> bool:
    """Whether it is an environment's id: twelve hexadecimal digits."""
    return _ID.match(text) is not None


@dataclass(frozen=True, slots=True)
class EnvironmentPaths:
    """The persistent files of the environment at `root`; nothing in them belongs to one boot."""

    root: Path

    @property
    def bin(self) -> Path:
        """The mount point of the live directory; beneath it lie only the activation scripts."""
        return self.root / "bin"

    @property
    def configuration(self) -> Path:
        return self.root / "cleanenv.conf"

    @property
    def private(self) -> Path:
        return self.root / ".cleanenv"

    @property
    def state(self) -> Path:
        return self.private / "state.json"

    @property
    def listing(self) -> Path:
        """The programs that the live directory showed last; served while the container is stopped."""
        return self.private / "listing.json"

    @property
    def log(self) -> Path:
        """What the programs of on_activate, on_deactivate and on_destroy wrote."""
        return self.private / "log"

    @property
    def agent(self) -> Path:
        return self.private / "agent"

    @property
    def launcher(self) -> Path:
        return self.private / "launcher"


@dataclass(frozen=True, slots=True)
class RuntimePaths:
    """The files of one environment on one host and boot. Short: a unix socket path ends at 107 bytes (unix(7))."""

    root: Path

    @property
    def agent_directory(self) -> Path:
        """The one directory that the container sees too, so that it reaches no other socket."""
        return self.root / "agent"

    @property
    def closing_directory(self) -> Path:
        """Where that is while the container is being stopped (cleanenv/gate.py)."""
        return self.root / "closing"

    @property
    def host_directory(self) -> Path:
        """What the container sees of its host links, read-only: to a launcher in it, this is a runtime directory."""
        return self.root / "host"

    @property
    def host_table(self) -> Path:
        return self.host_directory / "launch-table"

    @property
    def agent_socket(self) -> Path:
        return self.agent_directory / "agent.sock"

    @property
    def control_socket(self) -> Path:
        return self.root / "control.sock"

    @property
    def launch_table(self) -> Path:
        return self.root / "launch-table"

    @property
    def engine(self) -> Path:
        """The address of the engine that has started the container."""
        return self.root / "engine"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def server_lock(self) -> Path:
        """Held by the environment server from before its mount until after it; has its process id."""
        return self.root / "server.lock"

    @property
    def sessions(self) -> Path:
        """The shells that are in the environment (cleanenv/sessions.py)."""
        return self.root / "sessions"

    @property
    def exports(self) -> Path:
        """A lock that is held while an image is read or made without the environment's own lock."""
        return self.root / "exports.lock"

    @property
    def server_log(self) -> Path:
        return self.root / "server.log"
