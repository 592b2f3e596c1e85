"""The live directory as a file system: paths in, stat fields and errnos out. Its content is decided in tree.

A thin adapter: the model's KeyError is ENOENT, anything unexpected is EIO and is logged once.
The process that calls `mount` never touches the mount itself: it would wait for its own answer.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from typing import NoReturn

from cleanenv.errors import MountError
from cleanenv_fuse.binding import ENCODING, Binding, load_binding
from cleanenv_fuse.tree import BinDirectory, Node

__all__ = ["FILE_SYSTEM_TYPE", "MOUNT_OPTIONS", "BinFileSystem", "mount"]

FILE_SYSTEM_TYPE = "fuse.cleanenv"  # as /proc/self/mountinfo shows it

MOUNT_OPTIONS: Mapping[str, bool | int | str] = {
    "foreground": True,
    "nothreads": True,  # halves the latency: no hand-over of the GIL between libfuse's threads
    "ro": True,
    "nosuid": True,
    "nodev": True,
    "default_permissions": True,
    # A helper of libfuse waits for this process: killed, it leaves no dead mount that hides the activation scripts.
    "auto_unmount": True,
    # A name that is missing is asked for each time, so an installed program is there at once. One that is there may be
    # remembered by the kernel until KernelCache.forget says otherwise, and no longer than this should nobody say it:
    # what a symbolic link leads to is not watched.
    "negative_timeout": 0,
    "entry_timeout": 10,
    "attr_timeout": 10,
    "use_ino": True,
    "fsname": "cleanenv",
    "subtype": "cleanenv",
}

_BLOCK = 512  # bytes, the unit of st_blocks (stat(2))
_NAME_MAX = 255  # bytes; the kernel lets FUSE have longer names
_FAULTS_MAX = 100

_log = logging.getLogger(__name__)


class BinFileSystem:
    """The callbacks for the binding. `on_ready` runs when the kernel has mounted the directory."""

    def __init__(self, directory: BinDirectory, on_ready: Callable[[], None]) -> None:
        self._directory = directory
        self._on_ready = on_ready
        self._logged: set[str] = set()
        self.was_mounted = False

    def init(self, _path: str, /) -> None:
        """The kernel has mounted the directory."""
        self.was_mounted = True
        self._on_ready()

    def getattr(self, path: str, _handle: int | None = None, /) -> dict[str, int]:
        """The stat fields of a file."""
        try:
            node = self._directory.root() if path == "/" else self._directory.find(_name(path))
        except Exception as error:  # noqa: BLE001
            self._refuse("getattr", path, error)
        return _stat_fields(node)

    def readdir(self, path: str, _handle: int, /) -> Iterator[tuple[str, dict[str, int], int]]:
        """The whole directory."""
        if path != "/":
            raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        try:
            entries = tuple(self._directory.entries())
        except Exception as error:  # noqa: BLE001
            self._refuse("readdir", path, error)
        root = _entry_fields(self._directory.root())
        yield ".", root, 0
        yield "..", root, 0
        for name, node in entries:
            yield name.encode("utf-8", "surrogateescape").decode(ENCODING), _entry_fields(node), 0

    def open(self, _path: str, _flags: int, /) -> int:
        """Nobody needs telling: after this answer the kernel opens and closes without asking (fuse.h, FUSE_NO_OPEN).

        It keeps the pages of what was read, too. The launcher's bytes never change while the directory is mounted.
        """
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    def read(self, path: str, size: int, offset: int, _handle: int, /) -> bytes:
        """A part of a file."""
        try:
            return self._directory.read(_name(path), size, offset)
        except Exception as error:  # noqa: BLE001
            self._refuse("read", path, error)

    def _refuse(self, operation: str, path: str, error: Exception) -> NoReturn:
        if isinstance(error, KeyError):
            number = errno.ENAMETOOLONG if len(path) > _NAME_MAX + 1 else errno.ENOENT
            raise OSError(number, os.strerror(number)) from None
        # The same fault would come with every lookup of every shell: one line of it is enough.
        kind = f"{operation}: {type(error).__name__}: {error}"
        if kind not in self._logged and len(self._logged) < _FAULTS_MAX:
            self._logged.add(kind)
            _log.error("cannot answer %s", kind, exc_info=error)
        raise OSError(errno.EIO, os.strerror(errno.EIO)) from error


def mount(
    directory: BinDirectory,
    mount_point: str,
    on_ready: Callable[[], None],
    *,
    binding: Binding | None = None,
) -> None:
    """Mount the directory and serve it in this (the main) thread until it is unmounted.

    SIGTERM, SIGINT and SIGHUP unmount it, provided that their dispositions are the default ones. Raises
    MountError when it could not be mounted (libfuse tells the reason on stderr), and what `on_ready` raises.
    """
    chosen = load_binding() if binding is None else binding
    file_system = BinFileSystem(directory, on_ready)
    try:
        chosen.run(file_system, mount_point, MOUNT_OPTIONS)
    except RuntimeError as error:
        # libfuse3 reports an end by a signal as an error too; only a mount that never was is one.
        if not file_system.was_mounted:
            what = f"mount of the live directory at {mount_point}"
            raise MountError(what, f"libfuse{chosen.libfuse} refused ({error})") from error


def _name(path: str) -> str:
    return path[1:].encode(ENCODING).decode("utf-8", "surrogateescape")


def _entry_fields(node: Node) -> dict[str, int]:
    """What an entry of a directory tells (readdir(3)); more of them would cost a listing half of its time."""
    return {"st_ino": node.inode, "st_mode": node.mode}


def _stat_fields(node: Node) -> dict[str, int]:
    return {
        "st_ino": node.inode,
        "st_mode": node.mode,
        "st_nlink": node.links,
        "st_uid": node.uid,
        "st_gid": node.gid,
        "st_size": node.size,
        "st_blocks": -(-node.size // _BLOCK),
        "st_atime": node.mtime_ns,
        "st_mtime": node.mtime_ns,
        "st_ctime": node.mtime_ns,
    }
