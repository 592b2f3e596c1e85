"""The binds that make an environment's mounts, with read-only meaning read-only for all that lies below.

An engine makes the top of a read-only bind read-only and leaves the file systems mounted below it
writable (Docker before 25, Podman 4), or lets those in that are mounted later. Here a read-only mount
is bound without what is mounted below it, and each real file system below is named as a further
read-only bind: what is not named is not there, so nothing is writable by omission.

Pure functions: the host's mount table comes in as the text of /proc/self/mountinfo.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cleanenv.model.mount import Mount

__all__ = ["Bind", "Cover", "binds"]

# Kernel interfaces and per-session views: they belong to the container, which has its own.
_VIRTUAL_TYPES = frozenset(
    {
        "autofs",
        "binder",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "hugetlbfs",
        "mqueue",
        "nfsd",
        "nsfs",
        "proc",
        "pstore",
        "ramfs",
        "resctrl",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "smackfs",
        "sysfs",
        "tracefs",
    }
)

# The engine's own layers; and a FUSE mount is closed to everybody but its user, the engine included.
# (fuseblk is a disk that root mounted, open to all.)
_UNREADABLE_TYPES = frozenset({"fuse", "overlay"})

# Below these a mount belongs to the kernel, to a login session or to a program that removes its directory
# with it (snaps, plugged media, pods): a container that names it could not be started again afterwards.
_PASSING_DIRECTORIES = (
    "/dev",
    "/media",
    "/proc",
    "/run",
    "/snap",
    "/sys",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/kubelet",
    "/var/lib/snapd",
    "/var/run",
)


@dataclass(frozen=True, slots=True)
class Bind:
    """The host's `source` as the container's `target`; `recursive` with all that is mounted below it."""

    source: str
    target: str
    writable: bool
    recursive: bool


@dataclass(frozen=True, slots=True)
class Cover:
    """An empty read-only file system at `target`, in which the engine can make the targets below it."""

    target: str


@dataclass(frozen=True, slots=True)
class _HostMount:
    mount_id: int
    parent_id: int
    point: str
    type: str


def binds(
    mounts: Sequence[Mount],
    mount_table: str,
    *,
    data_root: str,
    hidden: str = "",
    rootless: bool = False,
    resolve: Callable[[str], str] = lambda path: path,
) -> tuple[Bind | Cover, ...]:
    """The binds for the mounts, each before those below it.

    `mount_table` is the text of the host's mountinfo, `data_root` the engine's own directory. A directory of the
    host that is `hidden`, and exists, is covered wherever a mount would show it. `resolve` follows the links of a
    host path: the table knows only real paths. In a user namespace (`rootless`) the kernel refuses binds without
    what is mounted below; there they are recursive, and each file system below is bound over itself.
    """
    table = _visible(_parse(mount_table))
    hidden = resolve(hidden) if hidden else ""
    result: list[Bind | Cover] = []
    for mount in mounts:
        source = resolve(mount.host)
        if mount.writable:
            result.append(Bind(mount.host, mount.container, writable=True, recursive=True))
            result += _covers(mount, source, hidden, mounts)
            continue
        result.append(Bind(mount.host, mount.container, writable=False, recursive=rootless))
        others = [(resolve(other.host), other.container) for other in mounts if other is not mount]
        below = _below(source, mount.container, table, others, data_root)
        result += [item if isinstance(item, Cover) else _read_only(item, rootless=rootless) for item in below]
        shown = {source, *(item[0] for item in below if not isinstance(item, Cover))}
        if _file_system_of(hidden, table) in {_file_system_of(point, table) for point in shown}:
            result += _covers(mount, source, hidden, mounts)
    return tuple(sorted(result, key=lambda item: item.target.split("/")))


def _covers(mount: Mount, source: str, hidden: str, mounts: Sequence[Mount]) -> list[Cover]:
    """The cover for what is hidden, if this mount shows it and no other one lies over it there."""
    if not hidden or not _is_within(hidden, source):
        return []
    target = mount.container.rstrip("/") + hidden[len(source.rstrip("/")) :]
    above = [other for other in mounts if other is not mount and _is_within(other.container, mount.container)]
    return [] if any(_is_within(target, other.container) for other in above) else [Cover(target)]


def _file_system_of(path: str, table: dict[str, _HostMount]) -> str:
    """The mount point that a path lies below."""
    return max((point for point in table if _is_within(path, point)), key=len, default="/")


def _read_only(submount: tuple[str, str], *, rootless: bool) -> Bind:
    source, target = submount
    return Bind(source, target, writable=False, recursive=rootless)


def _below(
    source: str,
    target: str,
    table: dict[str, _HostMount],
    others: Sequence[tuple[str, str]],
    data_root: str,
) -> list[tuple[str, str] | Cover]:
    """The (source, target) of each real file system below `source`, and the covers that they need."""

    def at_target(point: str) -> str:
        return target.rstrip("/") + point[len(source.rstrip("/")) :]

    passing = [
        directory for directory in (*_PASSING_DIRECTORIES, data_root) if directory and not _is_within(source, directory)
    ]
    # Another mount shows it already: at its place here, or of the same files under another name.
    shown_at = [container for _, container in others if _is_within(container, target)]
    shown_from = [host for host, _ in others if host != source and _is_within(host, source)]

    kept: list[str] = []
    left_out: list[str] = []
    for point, mount in table.items():
        if point == source or not _is_within(point, source):
            continue
        if any(_is_within(point, directory) for directory in (*passing, *shown_from)):
            continue
        if any(_is_within(at_target(point), container) for container in shown_at):
            continue
        (kept if _is_real(mount) else left_out).append(point)

    # The directory of a mount inside one that is left out (a home below an automounter) exists only there.
    covers = [gap for gap in left_out if any(_is_within(point, gap) for point in kept)]
    return [*((point, at_target(point)) for point in kept), *(Cover(at_target(gap)) for gap in covers)]


def _is_real(mount: _HostMount) -> bool:
    if mount.type in _VIRTUAL_TYPES or mount.type in _UNREADABLE_TYPES or mount.type.startswith("fuse."):
        return False
    if mount.point.endswith("//deleted"):
        return False
    try:
        mount.point.encode()  # the engine's interface is JSON: a name that is no UTF-8 cannot be said in it
    except UnicodeEncodeError:
        return False
    return True


def _is_within(path: str, directory: str) -> bool:
    """Whether `path` is `directory` or lies below it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _visible(mounts: Sequence[_HostMount]) -> dict[str, _HostMount]:
    """The mount that a path meets, by its mount point; what another mount hides is not there."""
    known = {mount.mount_id for mount in mounts}
    children: dict[tuple[int, str], _HostMount] = {}
    roots: list[_HostMount] = []
    for mount in mounts:
        # The first root of the system is its own parent; that of a container has one that is not seen here.
        if mount.parent_id == mount.mount_id or mount.parent_id not in known:
            roots += [mount] if mount.point == "/" else []
        else:
            children[mount.parent_id, mount.point] = mount
    if not roots:
        return {}

    def on_top(mount: _HostMount, point: str) -> _HostMount:
        while (above := children.get((mount.mount_id, point))) is not None:
            mount = above
        return mount

    root = on_top(roots[-1], "/")
    visible: dict[str, _HostMount] = {}
    for point in sorted({mount.point for mount in mounts}):
        at = root
        for end in [*(found.start() for found in re.finditer("/", point) if found.start() > 0), len(point)]:
            at = on_top(at, point[:end])
        if at.point == point:
            visible[point] = at
    return visible


def _parse(mount_table: str) -> list[_HostMount]:
    """Read mountinfo: id, parent, device, root, point, options, tags…, "-", type, source, and so on."""
    mounts: list[_HostMount] = []
    for line in mount_table.split("\n"):
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator:
            continue
        mounts.append(_HostMount(int(fields[0]), int(fields[1]), _unescape(fields[4]), after.split(" ", 1)[0]))
    return mounts


def _unescape(text: str) -> str:
    """Undo the kernel's escapes: space, tab, newline, backslash and hash stand as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
