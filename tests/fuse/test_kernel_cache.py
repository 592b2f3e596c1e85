"""What the kernel is told; that it listens is for integration/fuse."""

from __future__ import annotations

import errno
import os
import struct

import pytest

from cleanenv_fuse import kernel_cache
from cleanenv_fuse.kernel_cache import KernelCache


class Kernel:
    """Stands for the connection: notes what is written to it, and refuses the codes that it does not know."""

    def __init__(self, *unknown: int) -> None:
        self.unknown = unknown
        self.heard: list[bytes] = []

    def write(self, descriptor: int, data: bytes) -> int:
        assert descriptor == 77
        self.heard.append(data)
        if struct.unpack_from("=IiQ", data)[1] in self.unknown:
            raise OSError(errno.EINVAL, "Invalid argument")
        return len(data)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(kernel_cache, "_fuse_descriptor", lambda: 77)
    monkeypatch.setattr(os, "write", kernel.write)
    return kernel


def test_a_new_kernel_forgets_all_names_at_once(kernel: Kernel) -> None:
    KernelCache().forget(["a", "b"])

    assert kernel.heard == [struct.pack("=IiQ", 16, 8, 0)]


def test_an_older_kernel_is_told_each_name(kernel: Kernel) -> None:
    kernel.unknown = (8,)
    cache = KernelCache()

    cache.forget(["a", "\udcff"])
    cache.forget(["b"])

    def entry(name: bytes) -> bytes:
        return struct.pack("=IiQQII", 32 + len(name) + 1, 3, 0, 1, len(name), 0) + name + b"\0"

    assert kernel.heard == [struct.pack("=IiQ", 16, 8, 0), entry(b"a"), entry(b"\xff"), entry(b"b")]


def test_what_the_kernel_refuses_is_no_error(kernel: Kernel) -> None:
    kernel.unknown = (8, 3)

    KernelCache().forget(["a", "b"])

    assert len(kernel.heard) == 3


def test_a_process_without_a_mount_has_no_such_cache() -> None:
    assert "/dev/fuse" not in {os.readlink(f"/proc/self/fd/{n}") for n in ("0", "1", "2")}
    with pytest.raises(OSError, match="serves no FUSE mount"):
        KernelCache()
