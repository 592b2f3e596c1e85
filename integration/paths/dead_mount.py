"""`python dead_mount.py DIRECTORY`: a file system that never answers, like a network mount whose server is gone.

It says `mounted` when it is there, and then a line for each question that it leaves open.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

from cleanenv_fuse.binding import load_binding


class DeadFileSystem:
    """Every question waits for ever; the kernel's own first one (init) is answered."""

    def init(self, _path: str, /) -> None:
        os.write(1, b"mounted\n")

    def getattr(self, path: str, _handle: int | None = None, /) -> dict[str, int]:
        _wait(path)
        return {}

    def readdir(self, path: str, _handle: int, /) -> Iterator[tuple[str, dict[str, int], int]]:
        _wait(path)
        yield from ()

    def open(self, path: str, _flags: int, /) -> int:
        return int(_wait(path))

    def read(self, path: str, _size: int, _offset: int, _handle: int, /) -> bytes:
        return bytes(_wait(path))


def _wait(path: str) -> bool:
    os.write(1, os.fsencode(path) + b"\n")
    return threading.Event().wait()


if __name__ == "__main__":
    load_binding().run(DeadFileSystem(), sys.argv[1], {"foreground": True, "use_ino": True, "fsname": "cleanenv-test"})
