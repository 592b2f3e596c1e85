"""What a live directory needs of the host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from cleanenv import mounts
from cleanenv.errors import MountError
from cleanenv_fuse.binding import load_binding

__all__ = ["fuse_problems"]

_DEVICE = "/dev/fuse"


def fuse_problems(uid: int, device: str = _DEVICE) -> Iterator[MountError]:
    """Each thing that is missing to mount one, as the error that a mount would end with."""
    sudo = "" if uid == 0 else "sudo "
    try:
        os.close(os.open(device, os.O_RDWR | os.O_CLOEXEC))
    except FileNotFoundError:
        yield MountError(device, "there is no such device: the kernel has no FUSE", f"{sudo}modprobe fuse")
    except PermissionError as error:
        yield MountError(device, error.strerror or str(error), f"{sudo}chmod 666 {device}")
    except OSError as error:
        yield MountError(device, error.strerror or str(error), f"{sudo}modprobe fuse")
    try:
        load_binding()
    except MountError as error:
        yield error
    if uid != 0 and not any(shutil.which(name, path=mounts.HELPER_PATH) for name in ("fusermount3", "fusermount")):
        why = "there is none, and without it only root mounts"
        yield MountError("fusermount3", why, f"{sudo}apt-get install fuse3")
