"""The user that programs run as."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Group", "User"]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the user; the agent adds it to the container's group file."""

    name: str
    gid: int


@dataclass(frozen=True, slots=True)
class User:
    """The user of an environment. `home` is the path in the container; `groups` begins with the primary one."""

    name: str
    uid: int
    home: str
    groups: tuple[Group, ...]

    @property
    def gid(self) -> int:
        return self.groups[0].gid
