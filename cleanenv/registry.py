"""The environments of a user: one small file each, so that listing them needs no engine and no search."""

from __future__ import annotations

import os
from pathlib import Path

from cleanenv.files import replace_file
from cleanenv.model.environment import is_environment_id

__all__ = ["Registry"]


class Registry:
    """`directory`/environments/ID holds the path of each environment. A file without its environment is forgotten."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "environments"

    def add(self, identifier: str, root: Path) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self._directory / identifier, os.fsencode(root), mode=0o600)

    def remove(self, identifier: str) -> None:
        (self._directory / identifier).unlink(missing_ok=True)

    def entries(self) -> dict[str, Path]:
        """The path of each environment, by its id."""
        try:
            names = [name for name in os.listdir(self._directory) if is_environment_id(name)]
        except FileNotFoundError:
            return {}
        return {name: Path(os.fsdecode((self._directory / name).read_bytes())) for name in names}

    def roots(self) -> tuple[Path, ...]:
        """The paths of all environments, sorted."""
        return tuple(sorted(set(self.entries().values())))
