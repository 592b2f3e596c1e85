"""The caller's account on the host."""

from __future__ import annotations

import grp
import os
import pwd
import re

from cleanenv.model.user import Group, User

__all__ = ["current_user"]

# What passwd(5) and group(5) allow in any image; a domain's "CORP\\ann" would break their lines.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


def current_user() -> User:
    """The user of this process with its groups, the effective one first; a uid without an entry gets a made-up name."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
        name, home = _UNSAFE.sub("_", entry.pw_name), entry.pw_dir
    except KeyError:
        name, home = f"user{uid}", f"/home/user{uid}"
    gids = [os.getegid(), *(gid for gid in os.getgroups() if gid != os.getegid())]
    return User(name, uid, home if home.startswith("/") else "/", tuple(_group(gid) for gid in gids))


def _group(gid: int) -> Group:
    try:
        return Group(_UNSAFE.sub("_", grp.getgrgid(gid).gr_name), gid)
    except KeyError:
        return Group(f"group{gid}", gid)
