"""The caller's account on the host."""

from __future__ import annotations

import grp
import os
import pwd

from cleanenv.model.user import Group, User, valid_name

__all__ = ["current_user", "has_account"]


def current_user() -> User:
    """The user of this process with its groups, the effective one first; a uid without an entry gets a made-up name.

    Who has no home of its own (services often have `/`) has one below /home in the container.
    """
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
        name, home = valid_name(entry.pw_name), entry.pw_dir
    except KeyError:
        name, home = f"user{uid}", "/"
    if not home.startswith("/") or home == "/":
        home = f"/home/{name}"
    gids = [os.getegid(), *(gid for gid in os.getgroups() if gid != os.getegid())]
    return User(name, uid, home, tuple(_group(gid) for gid in gids))


def has_account(uid: int) -> bool:
    """Whether the host knows the uid."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _group(gid: int) -> Group:
    try:
        return Group(valid_name(grp.getgrgid(gid).gr_name), gid)
    except KeyError:
        return Group(f"group{gid}", gid)
