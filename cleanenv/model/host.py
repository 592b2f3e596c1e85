"""The caller on the host: everything that the operations may know of the process that runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cleanenv.model.user import User

__all__ = ["Host"]


@dataclass(frozen=True, slots=True)
class Host:
    """`user` is the caller as the host knows it; `python` is the interpreter that runs cleanenv."""

    user: User
    working_directory: str
    variables: Mapping[str, str]
    python: str

    def _base(self, variable: str, default: str) -> Path:
        # "All paths set in these environment variables must be absolute": others are ignored (XDG base directories).
        value = self.variables.get(variable, "")
        return Path(value) if value.startswith("/") else Path(self.user.home) / default

    @property
    def cache_directory(self) -> Path:
        return self._base("XDG_CACHE_HOME", ".cache") / "cleanenv"

    @property
    def configuration_directory(self) -> Path:
        """Of the user, for all programs."""
        return self._base("XDG_CONFIG_HOME", ".config")

    @property
    def state_directory(self) -> Path:
        return self._base("XDG_STATE_HOME", ".local/state") / "cleanenv"
