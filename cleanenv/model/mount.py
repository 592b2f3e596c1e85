"""A directory or file of the host that the container sees."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from cleanenv.errors import UsageError

__all__ = [
    "DEFAULT_MOUNTS",
    "ROOT_MOUNT_POINT",
    "Mount",
    "check_distinct",
    "container_path",
    "parse_directory",
    "split_mode",
    "with_defaults",
]

ROOT_MOUNT_POINT = "/r"

# Where the kernel and the agent are in the container: nothing may be mounted over them.
RESERVED_TREES = frozenset({"proc", "sys", "dev", ".cleanenv"})


@dataclass(frozen=True, slots=True)
class Mount:
    """`host` appears in the container as `container`. Both are absolute and normal (no trailing slash)."""

    host: str
    container: str
    writable: bool


# /tmp is the host's on both sides: a compiler's or an editor's temporary file has one name (RULES, class "host").
DEFAULT_MOUNTS = (Mount("/", ROOT_MOUNT_POINT, writable=False), Mount("/tmp", "/tmp", writable=True))  # noqa: S108


def parse_directory(text: str, *, working_directory: str, exists: Callable[[str], bool]) -> Mount:
    """Read `HOST:CONTAINER[:rw|:ro]`, or `PATH[:rw|:ro]` for the same path on both sides.

    A colon may be part of a path: of the possible splits the one whose host part exists is meant.
    Raises UsageError: host part missing on the host, container part relative, unknown mode, empty part.
    """
    what = f"directory {text!r}"
    rest, writable = split_mode(text)
    if not rest:
        raise UsageError(what, "the path is empty", "use HOST:CONTAINER[:rw] or PATH[:rw]")
    if "\0" in rest or "\n" in rest:
        raise UsageError(what, "a path here cannot contain a NUL byte or a newline")

    def host_path(part: str) -> str:
        return os.path.normpath(os.path.join(working_directory, os.path.expanduser(part)))

    splits = [i for i in range(len(rest) - 1, 0, -1) if rest[i] == ":"]
    if exists(host_path(rest)) or not splits:
        host = host_path(rest)
        container = host
    else:
        at = next((i for i in splits if rest[i + 1 : i + 2] == "/" and exists(host_path(rest[:i]))), splits[0])
        host, container = host_path(rest[:at]), rest[at + 1 :]
        if not container:
            raise UsageError(what, "the container path is empty", f"use {rest[:at]}:/PATH or {rest[:at]}")
        if container.startswith("/") and ":" in container:  # HOST:/PATH:wr is a slip, and no path
            why = f"the container path {container!r} has a colon in it (modes are rw and ro)"
            raise UsageError(what, why, "use HOST:CONTAINER[:rw]")
    if not exists(host):
        raise UsageError(what, f"there is no {host} on the host", f"mkdir -p {shlex.quote(host)}")
    return Mount(host, container_path(container, what), writable)


def container_path(text: str, what: str) -> str:
    """The path in normal form. Raises UsageError, naming `what`, for one that cannot be a mount point."""
    if not text.startswith("/"):
        raise UsageError(
            what,
            f"the container path {text!r} is not absolute (modes are rw and ro)",
            "use HOST:CONTAINER[:rw] with a container path that begins with /",
        )
    path = "/" + os.path.normpath(text).strip("/")
    if path == "/":
        raise UsageError(what, "the container's / cannot be a mount", "mount it at a directory below /")
    if path.split("/")[1] in RESERVED_TREES:
        raise UsageError(what, f"{path} belongs to the container itself", "mount it at another directory")
    return path


def split_mode(text: str) -> tuple[str, bool]:
    """Take `:rw` or `:ro` off the end; the second value says whether it is writable (not said: it is not)."""
    for mode in ("rw", "ro"):
        if text.endswith(":" + mode):
            return text[: -len(mode) - 1], mode == "rw"
    return text, False


def with_defaults(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """The given mounts and those default ones that none of them replaces (same host or same container path)."""
    taken = {m.host for m in mounts} | {m.container for m in mounts}
    return tuple(d for d in DEFAULT_MOUNTS if d.host not in taken and d.container not in taken) + mounts


def check_distinct(mounts: tuple[Mount, ...]) -> None:
    """Raise UsageError for a place in the container that is two of the host, or the other way round."""
    for index, mount in enumerate(mounts):
        for other in mounts[:index]:
            if other.container == mount.container:
                why = f"{mount.container} in the container is {other.host} already"
                raise UsageError(f"directory {mount.host}", why, "mount one of them elsewhere")
            if other.host == mount.host:
                why = f"it is {other.container} in the container already"
                raise UsageError(f"directory {mount.host}", why, "mount it once")
