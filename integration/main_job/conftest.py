"""Environments for the tests of the main job."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import Argument, Caller, Environment
from integration.main_job.traces import remove_all

Create = Callable[..., Environment]

# What the tests call by a link of its own.
PROGRAMS = ("cat", "env", "id", "make", "python3", "sh", "sleep", "tail")


@pytest.fixture(scope="session")
def tools(caller: Caller, ground: Path, debian: str) -> Iterator[Environment]:
    """An environment with a Python and a compiler, and a project that it may write to. Tests leave it as it is."""
    links = [f"--link=/usr/bin/{name}" for name in PROGRAMS]
    yield from _kept(caller, ground, "-b", debian, *links, "--link=cc:/usr/bin/gcc")


@pytest.fixture(scope="session")
def small(caller: Caller, ground: Path, busybox: str) -> Iterator[Environment]:
    """An environment of the small image. Tests leave it as it is."""
    yield from _kept(caller, ground, "-b", busybox, "--link=/bin/sh", "--link=/bin/cat")


def _kept(caller: Caller, ground: Path, *options: Argument) -> Iterator[Environment]:
    directory = caller.own(Path(tempfile.mkdtemp(prefix=f"{caller.name}-", dir=ground)))
    directory.chmod(0o755)
    try:
        environment = Environment(directory / "env", caller)
        caller.mkdir(environment.project)
        result = caller.cleanenv("create", *options, "-d", f"{environment.project}:rw", environment.path)
        assert result.returncode == 0, result
        yield environment
    finally:
        remove_all(caller, directory)


@pytest.fixture
def create(caller: Caller, place: Path, busybox: str) -> Create:
    """Create an environment at a path below the test's place, of the small image."""

    def create(*options: Argument, path: Path | None = None) -> Environment:
        environment = Environment(place / "env" if path is None else path, caller)
        result = caller.cleanenv("create", "-b", busybox, *options, environment.path)
        assert result.returncode == 0, result
        return environment

    return create
