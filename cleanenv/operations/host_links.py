"""Let the container call programs of the host, and no longer (docs/host-links.md)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from cleanenv import mounts
from cleanenv.environments import changing
from cleanenv.errors import UsageError
from cleanenv.model.host import Host
from cleanenv.model.host_link import HOST_LINK_FORMS, HostLink, make_host_link
from cleanenv.model.user import User
from cleanenv.operations import live

__all__ = ["check_host_links", "link", "parse_host_links", "unlink"]


def parse_host_links(texts: Iterable[str], host: Host) -> tuple[HostLink, ...]:
    """Read `NAME[:HOST-PATH]`; without a path it is the program of that name in the caller's PATH.

    Raises UsageError, also for two programs under one name.
    """
    links: dict[str, HostLink] = {}
    for text in texts:
        what = f"host link {text!r}"
        name, colon, path = text.partition(":")
        if not colon:
            if "/" in name:
                raise UsageError(what, "the name is missing", f"--host {os.path.basename(name) or 'NAME'}:{name}")
            found = _find(name, host)
            if found is None:
                raise UsageError(what, "there is no such program in PATH", HOST_LINK_FORMS)
            path = found
        link = make_host_link(name, path, what)
        if links.setdefault(name, link) != link:
            raise UsageError(what, f"the name {name!r} is taken by {links[name].path}", HOST_LINK_FORMS)
    return tuple(links.values())


def check_host_links(links: Iterable[HostLink], owner: int, user: User) -> None:
    """Raise UsageError for what is no program, and where the container's user is not the owner of the environment."""
    for link in links:
        what = f"host link {link}"
        if user.uid != owner:
            why = f"programs of the host are for their user alone, and the container's has another id, {user.uid}"
            raise UsageError(what, why, "create the environment without --user ID:NAME")
        if not os.path.lexists(link.path):
            raise UsageError(what, "the host has no such file", f"ls -l {os.path.dirname(link.path)}")
        if not os.path.isfile(link.path) or not os.access(link.path, os.X_OK):
            raise UsageError(what, "it is no program: not a file that you may execute", HOST_LINK_FORMS)


def link(root: Path, new: Sequence[HostLink], host: Host) -> None:
    """Add links; the container has them at once. Raises UsageError for a name that is taken, or no program."""
    with changing(root) as environment:
        check_host_links(new, environment.state.owner, environment.state.user)
        links = {each.name: each for each in environment.configuration.host_links}
        for each in new:
            if links.setdefault(each.name, each) != each:
                why = f"the name is taken by {links[each.name].path}"
                raise UsageError(f"host link {each}", why, f"cleanenv unlink --host {each.name}")
        live.publish(environment, replace(environment.configuration, host_links=tuple(links.values())), host)


def unlink(root: Path, names: Sequence[str], host: Host) -> None:
    """Take links out: no new call is taken. Programs that run go on, unless it was the last link.

    Raises UsageError for one that is not there.
    """
    with changing(root) as environment:
        links = {each.name: each for each in environment.configuration.host_links}
        for name in names:
            if links.pop(name, None) is None:
                raise UsageError(f"host link {name}", "the environment has no such link", "cleanenv status")
        live.publish(environment, replace(environment.configuration, host_links=tuple(links.values())), host)


def _find(name: str, host: Host) -> str | None:
    """The program in the caller's PATH; what an environment serves is no program of the host."""
    served = {entry.mount_point for entry in mounts.live_directories()}
    directories = [
        directory
        for directory in host.variables.get("PATH", os.defpath).split(":")
        if directory.startswith("/") and os.path.normpath(directory) not in served
    ]
    return shutil.which(name, path=":".join(directories))
