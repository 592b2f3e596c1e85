"""The start of a container for all who ask: by the engine's socket where that will do, else by the command."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from pathlib import Path

import pytest

from cleanenv.errors import EngineError
from cleanenv.model.link import Link
from cleanenv.server import container_start
from cleanenv.server.command import Command
from cleanenv.server.container_start import ContainerStart
from tests.operations.conftest import bench  # noqa: F401 (a fixture)
from tests.operations.harness import Bench

FAILS = "raise SystemExit('cleanenv: engine: it is gone')"


@pytest.fixture
def asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:  # noqa: F811
    """What the engine was asked for by its socket; it starts the container of the bench."""
    asked: list[tuple[str, str]] = []

    def restart(address: str, container_id: str, timeout_s: float) -> bool:
        assert timeout_s > 0
        asked.append((address, container_id))
        bench.engine.start_container(container_id)
        return True

    monkeypatch.setattr(container_start, "restart", restart)
    return asked


def starter(bench: Bench, program: str = FAILS, *, is_plain: bool = True) -> ContainerStart:  # noqa: F811
    """Of a stopped environment, whose command is a Python program."""
    environment = bench.create(Link("sh", "/bin/sh"))
    bench.stop()
    command = Command("start of the container", (sys.executable, "-S", "-c", program), {})
    return ContainerStart(environment.paths, environment.runtime, command, is_plain=is_plain)


def test_stopped_container_is_started_by_one_request(bench: Bench, asked: list[tuple[str, str]]) -> None:  # noqa: F811
    assert starter(bench).run() == ()
    assert asked == [("unix:///fake.sock", bench.engine.only().id)]
    assert bench.list()[0].state == "running"


def test_callers_that_a_killed_stop_kept_out_are_let_in(bench: Bench, asked: list[tuple[str, str]]) -> None:  # noqa: F811
    start = starter(bench)
    runtime = bench.start().runtime
    bench.stop()
    os.rename(runtime.agent_directory, runtime.closing_directory)
    start.run()
    assert len(asked) == 1
    assert bench.list()[0].state == "running"


@pytest.mark.parametrize("why", ["on_activate", "locked", "no engine known", "no lock", "damaged state"])
def test_what_takes_more_is_done_by_the_command(
    bench: Bench,  # noqa: F811
    asked: list[tuple[str, str]],
    why: str,
) -> None:
    start = starter(bench, "print('cleanenv: done by the command')", is_plain=why != "on_activate")
    runtime = bench.directory / "run/cleanenv"
    (runtime,) = runtime.iterdir()
    if why == "no engine known":
        (runtime / "engine").unlink()
    elif why == "no lock":
        (runtime / "lock").unlink()
    elif why == "damaged state":
        (bench.root / ".cleanenv/state.json").write_text("{")
    with open(runtime / "server.log", "w") if why != "locked" else open(runtime / "lock", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert start.run() == ("done by the command",)
    assert asked == []


def test_its_failure_is_told_to_all_who_asked(bench: Bench, tmp_path: Path) -> None:  # noqa: F811
    runs, gate = tmp_path / "runs", tmp_path / "gate"
    os.mkfifo(gate)
    # The child waits for a writer of the gate, so that all have asked before it ends.
    program = f"open({str(runs)!r}, 'a').write('x'); open({str(gate)!r}).read(); {FAILS}"
    start = starter(bench, program, is_plain=False)
    errors: list[str] = []

    def ask() -> None:
        with pytest.raises(EngineError) as caught:
            start.run()
        errors.append(caught.value.why)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    gate.write_text("")
    for thread in threads:
        thread.join()

    assert errors == ["it is gone"] * 8
    assert set(runs.read_text()) == {"x"}
