"""The user that programs run as."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cleanenv.errors import UsageError

__all__ = ["Group", "User", "UserRequest", "parse_user", "valid_name"]

# What the tools of every image take for a name, and its length there (useradd(8)).
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]|^[-.]")
_NAME_MAX = 32
_ID_MAX = 0xFFFFFFFE  # the last one is "no change" for setuid(2)
_FORMS = "use [system:][ID:]NAME"


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


def valid_name(text: str) -> str:
    """A name for passwd(5) and group(5) made of any other: what cannot be in one becomes `_`, and the rest is cut.

    `CORP\\ann` is `CORP_ann`, `ann+build` is `ann_build`.
    """
    return _UNSAFE.sub("_", text)[:_NAME_MAX]


@dataclass(frozen=True, slots=True)
class UserRequest:
    """A user as it was asked for: `[system:][ID:]NAME`. A system user without an id is the image's of that name."""

    name: str
    uid: int | None = None
    is_system: bool = False

    def __str__(self) -> str:
        number = "" if self.uid is None else f"{self.uid}:"
        return f"{'system:' if self.is_system else ''}{number}{self.name}"

    def resolve(self, caller: User) -> User:
        """The user. Without an id, or with the caller's, it is the caller, whatever its name: files stay the caller's.

        Any other id has a group of the same id and name. A system user's home is below /var/lib.
        """
        home = f"/var/lib/{self.name}" if self.is_system else f"/home/{self.name}"
        if self.uid is not None and self.uid != caller.uid:
            return User(self.name, self.uid, "/root" if self.uid == 0 else home, (Group(self.name, self.uid),))
        if self.name == caller.name and not self.is_system:
            return caller
        return User(self.name, caller.uid, home, caller.groups)


def parse_user(text: str, what: str) -> UserRequest:
    """Read `[system:][ID:]NAME`. Raises UsageError, naming `what`."""
    rest = text.removeprefix("system:")
    is_system = rest != text
    number, colon, name = rest.rpartition(":")
    if not name:
        raise UsageError(what, f"{text!r} has no name", _FORMS)
    if name.isdecimal():  # tools would read it as an id
        hint = f"{name}:NAME for the user of that id" if not colon else _FORMS
        raise UsageError(what, f"{name!r} is no name for a user", hint)
    name = valid_name(name)
    if not colon:
        return UserRequest(name, None, is_system)
    if not (number.isascii() and number.isdigit()) or int(number) > _ID_MAX:
        raise UsageError(what, f"{number!r} is no id of a user", _FORMS)
    return UserRequest(name, int(number), is_system)
