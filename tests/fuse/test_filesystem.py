"""The adapter between the tree and the kernel, without a kernel."""

from __future__ import annotations

import errno
import logging
import stat

import pytest

from cleanenv.errors import MountError
from cleanenv_fuse.binding import Binding
from cleanenv_fuse.filesystem import BinFileSystem, mount
from cleanenv_fuse.tree import BinDirectory, Program, StaticFile


class OneProgram:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.fault: Exception | None = None

    def find(self, name: str) -> Program | None:
        if self.fault is not None:
            raise self.fault
        return self.program if name == self.program.name else None

    def programs(self) -> tuple[Program, ...]:
        if self.fault is not None:
            raise self.fault
        return (self.program,)


def make_directory(catalog: OneProgram) -> BinDirectory:
    return BinDirectory(
        files={"activate": StaticFile(b"# hi\n", 0o644, 1)},
        launcher=bytes(1000),
        catalog=catalog,
        uid=3,
        gid=4,
        mtime_ns=5,
    )


def make_file_system(catalog: OneProgram) -> BinFileSystem:
    return BinFileSystem(make_directory(catalog), lambda: None)


PROGRAM = Program("g\u00e4\udcff", "/opt/x", 6 * 10**9 + 7)
PATH = "/g\u00c3\u00a4\u00ff"  # the same name, one character a byte


def test_the_stat_fields_are_those_of_the_node() -> None:
    assert make_file_system(OneProgram(PROGRAM)).getattr(PATH) == {
        "st_ino": 2,
        "st_mode": stat.S_IFREG | 0o755,
        "st_nlink": 1,
        "st_uid": 3,
        "st_gid": 4,
        "st_size": 1000,
        "st_blocks": 2,
        "st_atime": PROGRAM.mtime_ns,
        "st_mtime": PROGRAM.mtime_ns,
        "st_ctime": PROGRAM.mtime_ns,
    }


def test_a_name_that_is_not_utf8_comes_back_as_it_was_listed() -> None:
    file_system = make_file_system(OneProgram(PROGRAM))

    names = [name for name, _fields, _offset in file_system.readdir("/", 0)]

    assert names == [".", "..", "activate", PATH[1:]]
    assert file_system.read("/" + names[3], 5, 0, 0) == bytes(5)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/nothing", errno.ENOENT),
        ("/activate/below", errno.ENOENT),
        ("/\u00ff", errno.ENOENT),
        ("/" + 255 * "n", errno.ENOENT),
        ("/" + 256 * "n", errno.ENAMETOOLONG),
    ],
)
def test_what_is_not_there_is_refused_with_the_errno_of_a_disk(path: str, number: int) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        make_file_system(OneProgram(PROGRAM)).getattr(path)

    assert caught.value.errno == number


def test_the_kernel_is_told_not_to_ask_about_opening() -> None:
    with pytest.raises(OSError, match=r".") as caught:
        make_file_system(OneProgram(PROGRAM)).open("/activate", 0)

    assert caught.value.errno == errno.ENOSYS


def test_a_fault_of_the_catalog_is_an_io_error_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    catalog = OneProgram(PROGRAM)
    catalog.fault = ZeroDivisionError("a defect")
    file_system = make_file_system(catalog)
    numbers = []

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with pytest.raises(OSError, match=r".") as caught:
                file_system.getattr("/x")
            numbers.append(caught.value.errno)

    assert numbers == [errno.EIO] * 3
    assert [r.message for r in caplog.records] == ["cannot answer getattr: ZeroDivisionError: a defect"]


def test_a_fault_in_a_listing_lists_nothing_at_all() -> None:
    catalog = OneProgram(PROGRAM)
    catalog.fault = ZeroDivisionError("a defect")

    with pytest.raises(OSError, match=r".") as caught:
        list(make_file_system(catalog).readdir("/", 0))

    assert caught.value.errno == errno.EIO


class Library:
    """Stands for a FUSE library whose mount succeeds or fails, and ends with an error."""

    def __init__(self, *, mounts: bool) -> None:
        self.mounts = mounts

    def __call__(self, operations: object, mountpoint: str, *, encoding: str, **options: bool | int | str) -> object:
        assert mountpoint == "/mnt"
        assert encoding == "latin-1"
        assert options["ro"]
        if self.mounts:
            assert callable(operations)
            operations("init", "/")
        raise RuntimeError(1)


def test_a_mount_that_fails_is_an_error() -> None:
    binding = Binding("fuse", 2, Library(mounts=False))

    with pytest.raises(MountError, match="libfuse2 refused"):
        mount(make_directory(OneProgram(PROGRAM)), "/mnt", lambda: None, binding=binding)


def test_readiness_is_told_and_the_end_by_a_signal_is_no_error() -> None:
    told: list[str] = []

    binding = Binding("fuse", 2, Library(mounts=True))
    mount(make_directory(OneProgram(PROGRAM)), "/mnt", lambda: told.append("ready"), binding=binding)

    assert told == ["ready"]
