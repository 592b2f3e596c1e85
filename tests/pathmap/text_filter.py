"""The filter for text on its way to the host (rule T), as the launcher and the agent use it."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Sequence
from functools import cache

from cleanenv.model.mount import Mount
from cleanenv.pathmap import _library as _path_map
from cleanenv.pathmap import _Map, _Mount


class TextFilter:
    """What each call returns is what came out by it."""

    def __init__(self, mounts: Sequence[Mount], cwd: str) -> None:
        # Names depend on mounts and directory alone: there are no callbacks.
        ends = [(os.fsencode(mount.host), os.fsencode(mount.container)) for mount in mounts]
        native = _Map((_Mount * len(ends))(*(_library().pathmap_mount(*end) for end in ends)), len(ends))
        native.cwd = os.fsencode(cwd)
        names = _Buffer()
        _library().pathmap_append_names(ctypes.byref(names), ctypes.byref(native))
        self.names = ctypes.string_at(names.data, names.length) if names.length else b""
        self._filter = _library().pathmap_filter_open(self.names, len(self.names))
        assert self._filter

    def __del__(self) -> None:
        _library().pathmap_filter_close(self._filter)

    @property
    def longest(self) -> int:
        """The length of the longest name that is looked for."""
        return max((len(name) for name in self.names.split(b"\0")[:-1:2]), default=0)

    @property
    def holds(self) -> bool:
        return bool(_library().pathmap_filter_holds(self._filter))

    def take(self, text: bytes) -> bytes:
        room = _library().pathmap_filter_room(self._filter, len(text))
        ctypes.memmove(room, text, len(text))
        _library().pathmap_filter_take(self._filter, len(text))
        return self._out()

    def pause(self) -> bytes:
        _library().pathmap_filter_pause(self._filter)
        return self._out()

    def finish(self) -> bytes:
        _library().pathmap_filter_finish(self._filter)
        return self._out()

    def whole(self, pieces: Iterable[bytes]) -> bytes:
        return b"".join([self.take(piece) for piece in pieces]) + self.finish()

    def _out(self) -> bytes:
        assert not _library().pathmap_filter_failed(self._filter)
        text = _library().pathmap_filter_text(self._filter)
        out = ctypes.string_at(text.at, text.length)
        _library().pathmap_filter_drop(self._filter, len(out))
        return out


def opens(names: bytes) -> bool:
    """Whether these bytes are a block of names."""
    opened = _library().pathmap_filter_open(names, len(names))
    if opened:
        _library().pathmap_filter_close(opened)
    return bool(opened)


class _Slice(ctypes.Structure):
    _fields_ = [("at", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Buffer(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("length", ctypes.c_size_t),
        ("capacity", ctypes.c_size_t),
        ("failed", ctypes.c_bool),
    ]


@cache
def _library() -> ctypes.CDLL:
    library = _path_map()
    a_filter = ctypes.c_void_p
    signatures: dict[str, tuple[list[type], type | None]] = {
        "pathmap_append_names": ([ctypes.POINTER(_Buffer), ctypes.POINTER(_Map)], None),
        "pathmap_filter_open": ([ctypes.c_char_p, ctypes.c_size_t], ctypes.c_void_p),
        "pathmap_filter_close": ([a_filter], None),
        "pathmap_filter_room": ([a_filter, ctypes.c_size_t], ctypes.c_void_p),
        "pathmap_filter_take": ([a_filter, ctypes.c_size_t], None),
        "pathmap_filter_pause": ([a_filter], None),
        "pathmap_filter_finish": ([a_filter], None),
        "pathmap_filter_holds": ([a_filter], ctypes.c_bool),
        "pathmap_filter_text": ([a_filter], _Slice),
        "pathmap_filter_drop": ([a_filter, ctypes.c_size_t], None),
        "pathmap_filter_failed": ([a_filter], ctypes.c_bool),
    }
    for name, (arguments, result) in signatures.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = result
    return library
