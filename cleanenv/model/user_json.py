"""A user as JSON values, which the state file and a packed environment hold."""

from __future__ import annotations

from cleanenv.model.json_values import number, text
from cleanenv.model.user import Group, User

__all__ = ["object_of_user", "user_of"]


def object_of_user(user: User) -> dict[str, object]:
    """The user as JSON values."""
    return {
        "name": user.name,
        "uid": user.uid,
        "home": user.home,
        "groups": [[group.name, group.gid] for group in user.groups],
    }


def user_of(data: dict[str, object]) -> User:
    """Read what `object_of_user` made. Raises ValueError, LookupError or TypeError for anything else."""
    groups = data["groups"]
    if not isinstance(groups, list) or not groups:
        raise TypeError(f"expected groups, got {groups!r:.80}")
    return User(
        text(data["name"]),
        number(data["uid"]),
        text(data["home"]),
        tuple(Group(text(name), number(gid)) for name, gid in groups),
    )
