"""The one place that imports a FUSE library: fusepy where libfuse2 is there, else mfusepy on libfuse3.

Both have the same API; what differs (libfuse2's `nonempty`, fusepy calling the operations object) is settled
here. An operation that cannot be done raises OSError: both libraries hand its errno to the kernel.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

from cleanenv.errors import MountError

__all__ = ["ENCODING", "MODULES", "Binding", "Operations", "load_binding"]

# One character a byte: fusepy decodes strictly, and a name that is not UTF-8 would be EINVAL and a traceback.
ENCODING = "latin-1"

# fusepy is called `fuse` on PyPI and `fusepy` in Debian, where `fuse` is another library with another API.
MODULES = ("fuse", "fusepy", "mfusepy")

_LIBFUSE3 = 3
_CALLBACKS = ("init", "getattr", "readdir", "open", "read")

Options = Mapping[str, "bool | int | str"]


class Serve(Protocol):
    """The class FUSE of both libraries, whose construction is the mount and its whole life."""

    def __call__(self, operations: object, mountpoint: str, *, encoding: str, **options: bool | int | str) -> object:
        """Serve; the options are those of mount.fuse."""


class Operations(Protocol):
    """What is asked of a read-only directory. Paths and names are in ENCODING, times in nanoseconds.

    Nothing else is registered: a callback that only says yes (access, flush, opendir, …) costs each program
    start a round trip, and the kernel refuses every change of a read-only mount by itself.
    """

    def init(self, path: str, /) -> None:
        """The kernel has mounted the directory; threads may be started from now on."""

    def getattr(self, path: str, handle: int | None = None, /) -> Mapping[str, int]:
        """The stat fields of a path."""

    def readdir(self, path: str, handle: int, /) -> Iterable[tuple[str, Mapping[str, int], int]]:
        """Each name with its inode and mode, and 0: the whole directory is listed at once."""

    def open(self, path: str, flags: int, /) -> int:
        """A handle for a file."""

    def read(self, path: str, size: int, offset: int, handle: int, /) -> bytes:
        """At most `size` bytes from `offset`."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A FUSE library that was loaded. `libfuse` is the major version of the C library behind it."""

    module: str
    libfuse: int
    serve: Serve

    def run(self, operations: Operations, mount_point: str, options: Options) -> None:
        """Mount, and serve in this thread until the end. Raises RuntimeError if it failed or was a signal."""
        all_options = dict(options)
        if self.libfuse < _LIBFUSE3:
            # The activation scripts lie beneath the mount. libfuse3 needs no leave and refuses the option.
            all_options["nonempty"] = True
        callbacks = _Callbacks(operations) if self.module == "mfusepy" else _CallableCallbacks(operations)
        self.serve(callbacks, os.fsencode(mount_point).decode(ENCODING), encoding=ENCODING, **all_options)


def load_binding(import_module: Callable[[str], ModuleType] = importlib.import_module) -> Binding:
    """Load the first library that works. Raises MountError with what each of them said."""
    failures = []
    for name in MODULES:
        try:
            module = import_module(name)
        except (ImportError, OSError, AttributeError) as error:
            failures.append(f"{name}: {error}")
            continue
        serve = getattr(module, "FUSE", None)  # absent in Debian's `fuse`, and in a mere folder of that name
        if callable(serve):
            return Binding(name, int(getattr(module, "fuse_version_major", 2)), serve)
        failures.append(f"{name}: not a library with the API of fusepy")
    why = f"no FUSE library works ({'; '.join(failures)})"
    raise MountError("the live directory", why, "apt-get install libfuse2 fuse3")


class _Callbacks:
    """An operations object with the callbacks and nothing else: no stub of a base class gets registered."""

    use_ns = True

    def __init__(self, operations: Operations) -> None:
        for name in _CALLBACKS:
            setattr(self, name, getattr(operations, name))


class _CallableCallbacks(_Callbacks):
    """fusepy calls the object with the callback's name; mfusepy warns of an object that can be called."""

    def __call__(self, name: str, *arguments: object) -> object:
        return getattr(self, name)(*arguments)
