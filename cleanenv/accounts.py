"""The caller's account on the host."""

from __future__ import annotations

import grp
import os
import pwd

from cleanenv.model.user import Group, User, valid_name

__all__ = ["current_user"]


def current_user(home: str) -> User:
    """The user of this process with its groups, the effective one first.

    A uid without an entry has a made-up name and `home`, what its variable says. Where neither knows a home of its
    own (services often have `/`), it is below /home.
    """
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
        name, home = valid_name(entry.pw_name), entry.pw_dir
    except KeyError:
        name = f"user{uid}"
    if not home.startswith("/") or home == "/" or set(home) & set(":\n"):
        home = f"/home/{name}"
    gids = [os.getegid(), *(gid for gid in os.getgroups() if gid != os.getegid())]
    return User(name, uid, home, tuple(_group(gid) for gid in gids))


def _group(gid: int) -> Group:
    try:
        return Group(valid_name(grp.getgrgid(gid).gr_name), gid)
    except KeyError:
        return Group(f"group{gid}", gid)
