"""A program of the host that the container may call."""

from __future__ import annotations

import os
from dataclasses import dataclass

from cleanenv.errors import UsageError
from cleanenv.model.link import is_valid_name

__all__ = ["HOST_LINK_FORMS", "HostLink", "make_host_link"]

HOST_LINK_FORMS = "use NAME[:/PATH/ON/THE/HOST]"


@dataclass(frozen=True, slots=True)
class HostLink:
    """In the container, `name` runs the host's program at `path`, which is absolute."""

    name: str
    path: str

    def __str__(self) -> str:
        return f"{self.name}:{self.path}"


def make_host_link(name: str, path: str, what: str) -> HostLink:
    """The link, its path in normal form. Raises UsageError, naming `what`."""
    if not is_valid_name(name):
        raise UsageError(what, f"{name!r} is no name for a program", HOST_LINK_FORMS)
    if not path.startswith("/") or "\0" in path:
        raise UsageError(what, f"the host path {path!r} is not absolute", HOST_LINK_FORMS)
    return HostLink(name, "/" + os.path.normpath(path).strip("/"))
