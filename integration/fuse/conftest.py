"""Live directories for the tests. They need root or an accessible /dev/fuse, and libfuse2 or libfuse3."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from integration.fuse.harness import BINDINGS, LiveEnvironment, make_environment

MakeEnvironment = Callable[..., LiveEnvironment]


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small static program with the launcher's placeholder."""
    program = tmp_path_factory.mktemp("probe") / "probe"
    compiler = shutil.which("musl-gcc") or "cc"
    source = Path(__file__).with_name("probe.c")
    subprocess.run([compiler, "-static", "-Os", "-s", "-o", program, source], check=True)
    return program


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that every user can enter, which pytest's own are not."""
    with contextlib.ExitStack() as stack:
        path = tempfile.mkdtemp(prefix="live-")
        stack.callback(shutil.rmtree, path)
        os.chmod(path, 0o755)  # noqa: S103
        yield Path(path)


@pytest.fixture(params=sorted(BINDINGS))
def make(request: pytest.FixtureRequest, directory: Path, probe: Path) -> Iterator[MakeEnvironment]:
    """Makes environments, with each FUSE library of this host; all are ended after the test."""
    with contextlib.ExitStack() as stack:

        def make(name: str = "env", *links: str, files: dict[str, int] | None = None) -> LiveEnvironment:
            contents = {"/opt/a": 10**18 + 7, "/usr/bin/gcc": 2} if files is None else files
            environment = make_environment(
                directory / name, probe, request.param, contents, *(links or ("/opt/*", "cc:/usr/bin/gcc"))
            )
            stack.callback(environment.close)
            return environment

        yield make


@pytest.fixture
def env(make: MakeEnvironment) -> LiveEnvironment:
    """An environment with the programs `a` (a glob's) and `cc` (a link's), its directory mounted."""
    environment = make()
    environment.start()
    return environment
