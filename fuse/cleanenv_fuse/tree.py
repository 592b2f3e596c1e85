"""What the live directory contains: a few static files and, for every program of the catalog, the launcher.

Pure: no FUSE, no errno, no clock. Names are str as the file system gives them (UTF-8 with surrogateescape).
Used from the one thread that serves the kernel, except `replace_files` and `names`, which any thread may call.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cleanenv.model.link import RESERVED_NAMES

__all__ = ["ROOT_INODE", "BinDirectory", "Catalog", "Node", "Program", "StaticFile"]

ROOT_INODE = 1


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that is the same whatever the container does. `mode` is its permission bits."""

    content: bytes = field(repr=False)
    mode: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the container: its name in the directory, its container path, the time of its file."""

    name: str
    path: str
    mtime_ns: int


class Catalog(Protocol):
    """Which programs there are now. Both methods are bounded in time and agree with each other."""

    def find(self, name: str) -> Program | None:
        """The program of that name."""

    def programs(self) -> tuple[Program, ...]:
        """All programs, each name once."""


@dataclass(frozen=True, slots=True)
class Node:
    """What stat tells of a file. `mode` includes the file type."""

    inode: int
    mode: int
    links: int
    uid: int
    gid: int
    size: int
    mtime_ns: int


class BinDirectory:
    """The directory as of now. Lookup and listing ask one catalog and read one table of static files.

    A static file hides a program of its name. Inode numbers are handed out in order and kept by name for the
    directory's life: two files never share one, and a program that comes back has its old one.
    """

    def __init__(
        self,
        *,
        files: Mapping[str, StaticFile],
        launcher: bytes,
        catalog: Catalog,
        uid: int,
        gid: int,
        mtime_ns: int,
    ) -> None:
        self._files = dict(files)
        self._launcher = launcher
        self._catalog = catalog
        self._uid = uid
        self._gid = gid
        self._mtime_ns = mtime_ns
        self._inodes: dict[str, int] = {}

    def replace_files(self, files: Mapping[str, StaticFile]) -> None:
        """Serve these static files from now on; one whose content changes must have another time."""
        self._files = dict(files)

    def names(self) -> tuple[str, ...]:
        """Every name that was ever found; any thread may call this."""
        return tuple(self._inodes)

    def root(self) -> Node:
        """The directory itself."""
        return Node(ROOT_INODE, stat.S_IFDIR | 0o755, 2, self._uid, self._gid, 0, self._mtime_ns)

    def find(self, name: str) -> Node:
        """The file of that name. Raises KeyError when there is none."""
        static = self._files.get(name)
        if static is not None:
            return self._static_node(name, static)
        program = None if name in RESERVED_NAMES else self._catalog.find(name)
        if program is None:
            raise KeyError(name)
        return self._program_node(program)

    def entries(self) -> Iterator[tuple[str, Node]]:
        """Every file: the static ones, then the programs.

        A static file whose name begins with a period is not listed: a shell would offer it as a command.
        """
        files = self._files
        for name, static in files.items():
            if not name.startswith("."):
                yield name, self._static_node(name, static)
        for program in self._catalog.programs():
            if program.name not in files and program.name not in RESERVED_NAMES:
                yield program.name, self._program_node(program)

    def read(self, name: str, size: int, offset: int) -> bytes:
        """At most `size` bytes of a file that was found before. Raises KeyError for a static file that went.

        The catalog is not asked: a program that was removed from the container still runs through its
        launcher, and must not die when the kernel reads a page of it again.
        """
        static = self._files.get(name)
        if static is None and name in RESERVED_NAMES:
            raise KeyError(name)
        content = self._launcher if static is None else static.content
        return content[offset : offset + size] if offset >= 0 and size >= 0 else b""

    def _static_node(self, name: str, static: StaticFile) -> Node:
        return self._node(name, static.mode, len(static.content), static.mtime_ns)

    def _program_node(self, program: Program) -> Node:
        return self._node(program.name, 0o755, len(self._launcher), program.mtime_ns)

    def _node(self, name: str, permissions: int, size: int, mtime_ns: int) -> Node:
        inode = self._inodes.setdefault(name, ROOT_INODE + 1 + len(self._inodes))
        return Node(inode, stat.S_IFREG | permissions, 1, self._uid, self._gid, size, mtime_ns)
