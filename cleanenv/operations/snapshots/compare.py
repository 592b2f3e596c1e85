"""What is different between two states of an environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from cleanenv.contents import Contents, File, read_contents
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, open_environment
from cleanenv.errors import EnvironmentStateError
from cleanenv.files import locked
from cleanenv.model.history import Snapshot
from cleanenv.model.package import Package
from cleanenv.operations.reading import counted
from cleanenv.operations.snapshots.changes import own_paths
from cleanenv.operations.snapshots.images import image_of, temporary_labels
from cleanenv.runtime import make_runtime_directory

__all__ = ["Difference", "FileChange", "PackageChange", "compare"]


@dataclass(frozen=True, slots=True)
class FileChange:
    """`before` and `after` are sizes in bytes; None where there is no such file. A directory has no size."""

    path: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class PackageChange:
    """`before` and `after` are versions; None where it is not installed. `directory` is as in Package."""

    manager: str
    name: str
    directory: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Sorted by path, and by manager, name and directory."""

    files: tuple[FileChange, ...]
    packages: tuple[PackageChange, ...]


def compare(
    root: Path, first: str, second: str | None, *, connect: Callable[[], Engine], progress: ProgressReport
) -> Difference:
    """The way from one snapshot to another, or to the container as it is now."""
    environment = open_environment(root)
    history = environment.state.history
    one = history.find(first)
    other = history.find(second) if second is not None else None
    engine = connect()
    make_runtime_directory(environment.state.runtime_directory, os.geteuid())
    # Keeps others from taking the containers that are used here for leftovers.
    with locked(environment.runtime.exports, shared=True):
        before = _read(_snapshot(engine, environment, one), f"reading snapshot {one.id}", progress)
        if other is not None:
            after = _read(_snapshot(engine, environment, other), f"reading snapshot {other.id}", progress)
        else:
            after = _read(_present(engine, environment), "reading the container", progress)
    from_base = history.root in (one, other or history.current)
    return _difference(before, after, own_paths(environment, from_base=from_base))


def _snapshot(engine: Engine, environment: Environment, snapshot: Snapshot) -> AbstractContextManager[Iterator[bytes]]:
    image = image_of(engine, environment, snapshot)
    return engine.export_image(image.id, temporary_labels(environment))


def _present(engine: Engine, environment: Environment) -> AbstractContextManager[Iterator[bytes]]:
    if engine.container(environment.state.container_id) is None:
        raise EnvironmentStateError(
            f"environment {environment.paths.root}", "its container was removed", "cleanenv start"
        )
    return engine.export_container(environment.state.container_id)


def _read(source: AbstractContextManager[Iterator[bytes]], what: str, progress: ProgressReport) -> Contents:
    with source as chunks:
        return read_contents(counted(chunks, what, progress))


def _difference(before: Contents, after: Contents, own: frozenset[str]) -> Difference:
    paths = sorted(before.files.keys() | after.files.keys())
    files = tuple(
        FileChange(path, _size(before.files.get(path)), _size(after.files.get(path)))
        for path in paths
        if path not in own and before.files.get(path) != after.files.get(path)
    )
    packages = sorted(before.packages.keys() | after.packages.keys())
    return Difference(files, tuple(_package(each, before, after) for each in packages if _differs(each, before, after)))


def _size(file: File | None) -> int | None:
    return None if file is None else file.size


def _differs(package: Package, before: Contents, after: Contents) -> bool:
    return before.packages.get(package) != after.packages.get(package)


def _package(package: Package, before: Contents, after: Contents) -> PackageChange:
    versions = (before.packages.get(package), after.packages.get(package))
    return PackageChange(package.manager, package.name, package.directory, *versions)
