"""What snapshots cost, beside what the engine itself takes for the same."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.environment import CLEANENV, MeasuredEnvironment
from cleanenv.cli.context import current_host, engine_connector
from cleanenv.engine.port import Engine
from cleanenv.environments import open_environment
from cleanenv.files import locked
from cleanenv.model.history import History, Layer, Snapshot
from cleanenv.model.state import dump_state
from cleanenv.operations import containers
from cleanenv.operations.snapshots import restore
from cleanenv.operations.snapshots.take import Request, take
from cleanenv.runtime import make_runtime_directory

__all__ = ["COUNT", "SnapshotCosts", "listing"]

COUNT = 1000  # snapshots in a list
_TAG = "localhost/cleanenv/benchmark:1"


class SnapshotCosts:
    """Measures on one environment, in seconds, without the start of Python, which a command has beside it."""

    def __init__(self, measured: MeasuredEnvironment) -> None:
        self._root = Path(measured.path)
        self._inenv = os.path.join(measured.bin, "inenv")
        self._host = current_host()
        self._engine: Engine = engine_connector(self._host)()

    def close(self) -> None:
        """Close the connection."""
        self._engine.close()

    def change(self, megabytes: int) -> None:
        """Change so much in the container, and have it on the disk before anything is measured."""
        script = f"head -c {megabytes}000000 /dev/urandom >~/changed; sync"
        subprocess.run([self._inenv, "sh", "-c", script], check=True)

    def engines_commit(self) -> float:
        """The engine's own commit of the change, with its pause."""
        container_id = open_environment(self._root).state.container_id
        start = time.perf_counter()
        image = self._engine.commit_container(container_id, _TAG, {})
        seconds = time.perf_counter() - start
        self._engine.remove_image(image.id)
        return seconds

    def create(self) -> float:
        """A snapshot of the same change."""
        start = time.perf_counter()
        take(self._root, Request(""), self._host, connect=lambda: self._engine, progress=lambda *_: None)
        seconds = time.perf_counter() - start
        self._wait()
        return seconds

    def engines_start(self) -> float:
        """A container of the present snapshot, created and started, until its agent answers."""
        environment = open_environment(self._root)
        with tempfile.TemporaryDirectory(prefix="ce-", dir="/tmp") as directory:
            runtime = make_runtime_directory(f"{directory}/a/b", os.geteuid())
            state = replace(environment.state, id="0" * 12, runtime_directory=str(runtime.root))
            image = self._engine.image(state.history.current.image_id)
            assert image is not None
            start = time.perf_counter()
            made = containers.create_container(self._engine, replace(environment, state=state), image)
            try:
                self._engine.start_container(made.state.container_id)
                containers.wait_for_agent(self._engine, made.state.container_id, runtime)
                return time.perf_counter() - start
            finally:
                self._engine.remove_container(made.state.container_id)

    def restore(self) -> float:
        """To the present snapshot: nothing is to be saved, and nothing runs."""
        start = time.perf_counter()
        restore.restore(
            self._root,
            restore.back(0),
            self._host,
            discard=True,
            connect=lambda: self._engine,
            progress=lambda *_: None,
            warn=print,
        )
        seconds = time.perf_counter() - start
        self._wait()
        return seconds

    def _wait(self) -> None:
        """Until what goes on in the background is done."""
        with locked(open_environment(self._root).runtime.lock):
            pass


@contextlib.contextmanager
def listing(measured: MeasuredEnvironment) -> Iterator[Callable[[], float]]:
    """Milliseconds for the command that lists COUNT snapshots, a hundred branches among them."""
    state = open_environment(Path(measured.path)).state
    history = History.begin(state.image_id, state.created)
    for number in range(1, COUNT):
        layer = Layer(f"{number:032x}", history.current.layer, number * 1000)
        made = Snapshot(0, None, f"snapshot-{number}", state.created, "sha256:" + "0" * 64, layer.id, "pip install x")
        history = history.added(made, [layer])
        if number % 10 == 0:
            history = history.at(history.back(5).id)
    with tempfile.TemporaryDirectory(prefix="cleanenv-bench.", dir="/var/tmp") as directory:
        private = Path(directory, ".cleanenv")
        private.mkdir()
        (private / "state.json").write_text(dump_state(replace(state, path=directory, history=history)))

        def measure() -> float:
            start = time.perf_counter()
            subprocess.run([CLEANENV, "snapshot", "list", "-e", directory], check=True, stdout=subprocess.DEVNULL)
            return (time.perf_counter() - start) * 1000

        yield measure
