"""A system user of an image: found in the text of its passwd(5) and group(5), or a new one with a free id."""

from __future__ import annotations

import re

from cleanenv.errors import UsageError
from cleanenv.model.user import Group, User

__all__ = ["system_user"]

# Where useradd(8) and adduser(8) take the ids of system users from, the highest free one first.
_IDS = range(999, 99, -1)
_DIGITS = re.compile(r"\d{1,10}", re.ASCII)


def system_user(name: str, passwd: str, group: str) -> User:
    """The image's user of that name, with its id, home and groups; else a new one with its home below /var/lib.

    Raises UsageError when all ids of system users are taken.
    """
    groups = [(fields[0], int(fields[2]), fields[3].split(",")) for fields in _entries(group, 4)]
    for fields in _entries(passwd, 7):
        if fields[0] == name and _is_id(fields[3]):
            home = fields[5] if fields[5].startswith("/") else "/"
            return User(name, int(fields[2]), home, _groups(name, int(fields[3]), groups))
    taken = {int(fields[2]) for fields in _entries(passwd, 7)} | {gid for _, gid, _ in groups}
    free = next((number for number in _IDS if number not in taken), None)
    if free is None:
        raise UsageError(f"user system:{name}", "the image has a user for each id of a system user", "give it an id")
    gid = next((gid for named, gid, _ in groups if named == name), free)
    return User(name, free, f"/var/lib/{name}", _groups(name, gid, groups))


def _groups(name: str, primary: int, groups: list[tuple[str, int, list[str]]]) -> tuple[Group, ...]:
    first = next((Group(named, gid) for named, gid, _ in groups if gid == primary), Group(name, primary))
    others = (Group(named, gid) for named, gid, members in groups if name in members and gid != primary)
    return (first, *others)


def _entries(text: str, count: int) -> list[list[str]]:
    """The lines of such a file that are well-formed, as fields; the third one is an id."""
    lines = (line.split(":") for line in text.split("\n") if "\0" not in line)
    return [
        fields for fields in lines if len(fields) == count and fields[0] and "," not in fields[0] and _is_id(fields[2])
    ]


def _is_id(text: str) -> bool:
    return _DIGITS.fullmatch(text) is not None and int(text) < 2**32 - 1
