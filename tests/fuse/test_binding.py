"""Which FUSE library is chosen, and what is handed to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

import pytest

from cleanenv.errors import MountError
from cleanenv_fuse.binding import MODULES, load_binding


class Recorder:
    """Stands for a library's class FUSE: notes how it was called."""

    def __init__(self) -> None:
        self.operations: object = None
        self.mount_point = ""
        self.options: Mapping[str, object] = {}

    def __call__(self, operations: object, mountpoint: str, **options: object) -> None:
        self.operations, self.mount_point, self.options = operations, mountpoint, options


class NoOperations:
    def init(self, path: str, /) -> None:
        self.path = path

    def getattr(self, path: str, handle: int | None = None, /) -> dict[str, int]:
        raise NotImplementedError(path, handle)

    def readdir(self, path: str, handle: int, /) -> Iterator[tuple[str, dict[str, int], int]]:
        raise NotImplementedError(path, handle)

    def open(self, path: str, flags: int, /) -> int:
        raise NotImplementedError(path, flags)

    def read(self, path: str, size: int, offset: int, handle: int, /) -> bytes:
        return f"{path} {size} {offset} {handle}".encode()


def importer(**found: ModuleType | Exception) -> Callable[[str], ModuleType]:
    def import_module(name: str) -> ModuleType:
        module = found.get(name, ImportError(f"No module named {name!r}"))
        if isinstance(module, Exception):
            raise module
        return module

    return import_module


def library(name: str, **attributes: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(attributes)
    return module


def test_fusepy_is_preferred() -> None:
    binding = load_binding(importer(fuse=library("fuse", FUSE=Recorder()), mfusepy=library("mfusepy", FUSE=Recorder())))

    assert (binding.module, binding.libfuse) == ("fuse", 2)


def test_mfusepy_serves_where_libfuse2_is_missing() -> None:
    binding = load_binding(
        importer(
            fuse=OSError("Unable to find libfuse"),
            mfusepy=library("mfusepy", FUSE=Recorder(), fuse_version_major=3),
        )
    )

    assert (binding.module, binding.libfuse) == ("mfusepy", 3)


@pytest.mark.parametrize("impostor", [library("fuse"), library("fuse", Fuse=Recorder(), FUSE=None)])
def test_another_module_called_fuse_is_passed_over(impostor: ModuleType) -> None:
    binding = load_binding(importer(fuse=impostor, fusepy=library("fusepy", FUSE=Recorder())))

    assert binding.module == "fusepy"


def test_without_any_library_each_failure_is_told() -> None:
    with pytest.raises(MountError) as caught:
        load_binding(importer(fuse=library("fuse"), mfusepy=OSError("Unable to find libfuse")))

    assert caught.value.why == (
        "no FUSE library works (fuse: not a library with the API of fusepy; "
        "fusepy: No module named 'fusepy'; mfusepy: Unable to find libfuse)"
    )
    assert caught.value.hint == "apt-get install libfuse2 fuse3"


@pytest.mark.parametrize(("libfuse", "options"), [(2, {"ro": True, "nonempty": True}), (3, {"ro": True})])
def test_only_libfuse2_is_told_that_scripts_lie_beneath(libfuse: int, options: dict[str, bool]) -> None:
    recorder = Recorder()
    binding = load_binding(importer(mfusepy=library("m", FUSE=recorder, fuse_version_major=libfuse)))

    binding.run(NoOperations(), "/tmp/env/bin", {"ro": True})

    assert recorder.options == {"encoding": "latin-1", **options}


def test_every_mount_point_can_be_encoded() -> None:
    recorder = Recorder()
    binding = load_binding(importer(fuse=library("fuse", FUSE=recorder)))

    binding.run(NoOperations(), "/tmp/ä\udcff", {})

    assert recorder.mount_point.encode("latin-1") == b"/tmp/\xc3\xa4\xff"


@pytest.mark.parametrize("name", MODULES)
def test_only_the_needed_callbacks_are_registered(name: str) -> None:
    recorder = Recorder()
    binding = load_binding(importer(**{name: library(name, FUSE=recorder)}))

    binding.run(NoOperations(), "/tmp", {})

    offered = {n for n in dir(recorder.operations) if not n.startswith("_")}
    assert offered == {"use_ns", "init", "getattr", "readdir", "open", "read"}


def test_fusepy_calls_the_object_with_the_name_of_the_callback() -> None:
    recorder = Recorder()
    load_binding(importer(fuse=library("fuse", FUSE=recorder))).run(NoOperations(), "/tmp", {})

    assert callable(recorder.operations)
    assert recorder.operations("read", "/x", 1, 2, 3) == b"/x 1 2 3"


def test_mfusepy_gets_an_object_that_cannot_be_called() -> None:
    recorder = Recorder()
    load_binding(importer(mfusepy=library("mfusepy", FUSE=recorder))).run(NoOperations(), "/tmp", {})

    assert not callable(recorder.operations)
