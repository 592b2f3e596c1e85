"""What the kernel remembers of the live directory, and how it is told to forget.

The high-level FUSE libraries have no call for it: notifications (linux/fuse.h, FUSE_NOTIFY_*) are written to
the connection's descriptor, which is this process' only one on /dev/fuse. Never call it from the thread that serves the
kernel: the kernel may hold the directory's lock for a lookup that this thread would have to answer first.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable

__all__ = ["KernelCache"]

_NOTIFY_INVALIDATE_ENTRY = 3
_NOTIFY_INCREMENT_EPOCH = 8  # all names at once; since Linux 6.16
_HEADER = struct.Struct("=IiQ")  # length, code of the notification, 0
_ENTRY = struct.Struct("=QII")  # inode of the directory, length of the name, flags
_ROOT = 1


class KernelCache:
    """The kernel's memory of one mount. To be made when the directory is mounted. Raises OSError when it is not."""

    def __init__(self) -> None:
        self._connection = _fuse_descriptor()
        self._has_epochs = True

    def forget(self, names: Iterable[str]) -> None:
        """Have the kernel ask again for these names, and where it can, for all; after an unmount nothing is to do."""
        if self._has_epochs and self._notify(_NOTIFY_INCREMENT_EPOCH, b"") != errno.EINVAL:
            return
        self._has_epochs = False
        for name in names:
            encoded = name.encode("utf-8", "surrogateescape")
            self._notify(_NOTIFY_INVALIDATE_ENTRY, _ENTRY.pack(_ROOT, len(encoded), 0) + encoded + b"\0")

    def _notify(self, code: int, body: bytes) -> int | None:
        """Returns the errno of a refusal; a name that the kernel does not know is one of them."""
        try:
            os.write(self._connection, _HEADER.pack(_HEADER.size + len(body), code, 0) + body)
        except OSError as error:
            return error.errno
        return None


def _fuse_descriptor() -> int:
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") == "/dev/fuse":
                return int(name)
        except FileNotFoundError:  # the listing's own
            continue
    raise OSError(errno.ENOTCONN, "this process serves no FUSE mount")
