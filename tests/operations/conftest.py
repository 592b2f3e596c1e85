"""A bench with a short path: sockets lie in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv import environments
from cleanenv.files import replace_file
from cleanenv.operations import background, live
from tests.operations.harness import Bench, Killed


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    directory = Path(tempfile.mkdtemp(prefix="ce-"))
    bench = Bench(directory)
    native = directory / "native"
    native.mkdir()
    for name in ("agent", "launcher"):
        (native / name).write_bytes(name.encode())
        (native / name).chmod(0o755)
    # What takes a kernel with FUSE, and what takes a compiler.
    monkeypatch.setattr("cleanenv.server.process.start", bench.start_server)
    monkeypatch.setattr(live, "_NATIVE", native)
    # Another process would have an engine of its own.
    monkeypatch.setattr(background, "run", lambda work, _log: work())

    def write(path: Path, content: bytes, mode: int = 0o644) -> None:
        if bench.engine.is_gone:  # whoever was killed writes no state
            raise Killed
        replace_file(path, content, mode)

    monkeypatch.setattr(environments, "replace_file", write)
    yield bench
    bench.engine.end()
    shutil.rmtree(directory)
