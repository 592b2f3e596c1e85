"""The path map: which path of the container is a path of the host, and back.

The rules exist once, in C (native/pathmap), because the launcher needs them; this module binds to the same
code. Nothing is kept between calls, and calls from several threads do not disturb each other. Paths and
arguments are bytes inside: names that are no UTF-8 are mapped like all others; text is converted as the os
module does it.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Protocol

from cleanenv.errors import CleanenvError
from cleanenv.model.mount import Mount

__all__ = ["ContainerPresence", "HostProbe", "Mapping", "PathMap", "Presence", "Probe", "Status"]

_BY_SHAPE = 0  # enum pathmap_treatment

_LIBRARY = os.path.join(os.path.dirname(__file__), "native", "libpathmap.so")

# Whether the container has a path, seen without following a last link; None if that is not known yet.
ContainerPresence = Callable[[bytes], "bool | None"]


class Presence(IntEnum):
    """What is known of a path (enum pathmap_presence)."""

    ABSENT = 0
    PRESENT = 1
    SYMLINK = 2
    ASKED = 3


class Status(IntEnum):
    """What is to be done with an input (enum pathmap_status)."""

    UNCHANGED = 0
    MAPPED = 1
    DROPPED = 2
    PENDING = 3
    UNMAPPABLE = 4
    NO_MEMORY = 5


@dataclass(frozen=True, slots=True)
class Mapping:
    """The answer for one input: `value` is what to pass on, `rule` says why, for a trace.

    `value` is None when there is nothing to pass on: a variable that is dropped, a path that the other side
    cannot reach, an answer that waits for the container's.
    """

    status: Status
    value: bytes | None
    rule: str

    @property
    def text(self) -> str | None:
        """`value` as text; bytes that are no UTF-8 become surrogate escapes."""
        return None if self.value is None else os.fsdecode(self.value)


class Probe(Protocol):
    """Who answers questions about files of the host."""

    def presence(self, path: bytes) -> Presence:
        """Whether the path is there; a last link is not followed. What may not be looked at is there."""

    def link_target(self, path: bytes) -> bytes | None:
        """The text of a symbolic link, or None if it cannot be read."""


class HostProbe:
    """Looks at the host's file system."""

    def presence(self, path: bytes) -> Presence:
        """Ask lstat; only "no such file" and "a parent is no directory" mean that there is nothing."""
        try:
            mode = os.lstat(path).st_mode
        except OSError as error:
            return Presence.ABSENT if error.errno in {errno.ENOENT, errno.ENOTDIR} else Presence.PRESENT
        return Presence.SYMLINK if stat.S_ISLNK(mode) else Presence.PRESENT

    def link_target(self, path: bytes) -> bytes | None:
        """Ask readlink."""
        try:
            return os.readlink(path)
        except OSError:
            return None


def _container_has_it(path: bytes) -> bool:  # noqa: ARG001 (the signature is ContainerPresence's)
    return True


class PathMap:
    """The map for a set of mounts and the caller's physical working directory on the host.

    `container_has` is asked only for system trees (/usr, /opt, ...). If nobody can answer for the container,
    they are taken for its own and stay as they are. An exception of a probe is raised from the call.
    """

    def __init__(
        self,
        mounts: Iterable[Mount],
        cwd: str | bytes,
        *,
        probe: Probe | None = None,
        container_has: ContainerPresence = _container_has_it,
    ) -> None:
        # The library keeps pointers to the paths.
        self._ends = [(_encode(mount.host), _encode(mount.container)) for mount in mounts]
        self._mounts = (_Mount * len(self._ends))(*(_library().pathmap_mount(*ends) for ends in self._ends))
        self._cwd = _encode(cwd)
        if not self._cwd.startswith(b"/"):
            raise ValueError(f"the working directory must be absolute, not {cwd!r}")
        self._probe = probe or HostProbe()
        self._container_has = container_has

    def to_container(self, path: str | bytes, *, absolute: bool = False) -> Mapping:
        """Name a path of the host as the container sees it, by the mounts alone (rules M)."""
        return self._call("pathmap_to_container", path, _encode(path), absolute)

    def to_host(self, path: str | bytes, *, absolute: bool = False) -> Mapping:
        """Name a path of the container as the host sees it; the container's own files are unmappable."""
        return self._call("pathmap_to_host", path, _encode(path), absolute)

    def working_directory(self) -> Mapping:
        """Where a program starts in the container; unmappable if it cannot start there."""
        return self._call("pathmap_working_directory", None)

    def argument(self, argument: str | bytes) -> Mapping:
        """Map an argument of a program of the container, as typed on the host (rules A and C, no profile)."""
        return self._call("pathmap_argument", argument, _encode(argument), _BY_SHAPE)

    def argument_to_host(self, argument: str | bytes) -> Mapping:
        """Map an argument of a program of the host, as typed in the container."""
        return self._call("pathmap_argument_to_host", argument, _encode(argument), _BY_SHAPE)

    def variable(self, name: str | bytes, value: str | bytes) -> Mapping:
        """Map the value of a variable that goes into the container (rules E)."""
        return self._call("pathmap_variable", value, _encode(name), _encode(value))

    def _call(self, function: str, unchanged: str | bytes | None, *arguments: bytes | int) -> Mapping:
        probe = _Callbacks(self._probe, self._container_has)
        native = _Map(self._mounts, len(self._mounts), self._cwd, None, probe.native, None)
        library = _library()
        result = getattr(library, function)(ctypes.byref(native), *arguments)
        try:
            probe.raise_failure()
            status = Status(result.status)
            if status is Status.NO_MEMORY:
                raise MemoryError
            value = ctypes.string_at(result.text) if result.text else None
        finally:
            library.free(result.text)
        if status is Status.UNCHANGED and unchanged is not None:
            value = _encode(unchanged)
        return Mapping(status, value, f"{result.rule.decode()} {result.reason.decode()}")


class _End(ctypes.Structure):
    _fields_ = [
        ("path", ctypes.c_char_p),
        ("length", ctypes.c_size_t),
        ("depth", ctypes.c_size_t),
        ("has_separator", ctypes.c_bool),
    ]


class _Mount(ctypes.Structure):
    _fields_ = [
        ("host", _End),
        ("container", _End),
    ]


_Question = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)
_LinkQuestion = ctypes.CFUNCTYPE(
    ctypes.c_long, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t
)


class _Probe(ctypes.Structure):
    _fields_ = [
        ("context", ctypes.c_void_p),
        ("host", _Question),
        ("host_link", _LinkQuestion),
        ("container", _Question),
    ]


class _Map(ctypes.Structure):
    _fields_ = [
        ("mounts", ctypes.POINTER(_Mount)),
        ("mount_count", ctypes.c_size_t),
        ("cwd", ctypes.c_char_p),
        ("variable_kinds", ctypes.c_char_p),
        ("probe", _Probe),
        ("walked", ctypes.c_void_p),
    ]


class _Result(ctypes.Structure):
    _fields_ = [
        ("status", ctypes.c_int),
        # Not c_char_p: ctypes would make bytes of it and forget what is to be freed.
        ("text", ctypes.c_void_p),
        ("rule", ctypes.c_char_p),
        ("reason", ctypes.c_char_p),
    ]


class _Callbacks:
    """The questions of one call. An exception cannot pass through C: it is kept, and raised afterwards."""

    def __init__(self, probe: Probe, container_has: ContainerPresence) -> None:
        self._probe = probe
        self._container_has = container_has
        self._failure: BaseException | None = None
        self.native = _Probe(None, _Question(self._host), _LinkQuestion(self._link), _Question(self._container))

    def raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _host(self, _context: int | None, path: bytes) -> int:
        try:
            return self._probe.presence(path)
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            return Presence.ABSENT

    def _link(self, _context: int | None, path: bytes, target: ctypes.Array[ctypes.c_char], size: int) -> int:
        try:
            text = self._probe.link_target(path)
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            return -1
        if text is None or len(text) >= size:
            return -1
        ctypes.memmove(target, text + b"\0", len(text) + 1)
        return len(text)

    def _container(self, _context: int | None, path: bytes) -> int:
        try:
            answer = self._container_has(path)
        except BaseException as error:  # noqa: BLE001
            self._failure = error
            return Presence.ABSENT
        if answer is None:
            return Presence.ASKED
        return Presence.PRESENT if answer else Presence.ABSENT


def _encode(text: str | bytes) -> bytes:
    encoded = os.fsencode(text)
    if b"\0" in encoded:
        raise ValueError(f"a NUL byte cannot be a part of {text!r}")
    return encoded


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise CleanenvError("cannot load the path map", str(error), "reinstall cleanenv") from error
    of_map = ctypes.POINTER(_Map)
    text = ctypes.c_char_p
    signatures = {
        "pathmap_to_container": (of_map, text, ctypes.c_bool),
        "pathmap_to_host": (of_map, text, ctypes.c_bool),
        "pathmap_working_directory": (of_map,),
        "pathmap_argument": (of_map, text, ctypes.c_int),
        "pathmap_argument_to_host": (of_map, text, ctypes.c_int),
        "pathmap_variable": (of_map, text, text),
    }
    for name, signature in signatures.items():
        function = getattr(library, name)
        function.argtypes = signature
        function.restype = _Result
    library.pathmap_mount.argtypes = [text, text]
    library.pathmap_mount.restype = _Mount
    # The C library's own: the one that the texts were allocated with.
    library.free.argtypes = [ctypes.c_void_p]
    library.free.restype = None
    return library
