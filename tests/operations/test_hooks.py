"""Programs that run when a container starts, before it stops, and before it is destroyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleanenv.environments import Environment
from cleanenv.operations import hooks, live, services
from tests.operations.harness import Bench


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The live directory has a `.hook`, which runs the program on this host, in its home."""
    mount = live.ensure_mounted

    def ensure_mounted(environment: Environment, host: object) -> None:
        mount(environment, host)  # type: ignore[arg-type]
        hook = environment.paths.bin / ".hook"
        hook.write_text('#!/bin/sh\nexec "$@"\n')
        hook.chmod(0o755)

    monkeypatch.setattr(live, "ensure_mounted", ensure_mounted)


@pytest.fixture
def said(bench: Bench) -> Path:
    bench.variables = {**bench.variables, "HOME": str(bench.directory)}
    return bench.directory / "said"


def test_each_event_runs_its_lines_in_order(bench: Bench, said: Path) -> None:
    bench.create(
        on_activate=("echo up >>said", "echo 'more up' >>said"),
        on_deactivate=("echo down >>said",),
        on_destroy=("echo gone >>said", "echo 'all gone' >>said"),
    )
    bench.start()  # it runs already
    bench.stop()
    bench.stop()
    bench.start()
    bench.destroy()

    up = ["up", "more up"]
    assert said.read_text().splitlines() == [*up, "down", *up, "down", "gone", "all gone"]
    assert bench.warnings == []


def test_a_reset_stops_and_starts(bench: Bench, said: Path) -> None:
    bench.create(on_activate=("echo up >>said",), on_deactivate=("echo down >>said",))
    bench.reset()
    bench.stop()
    bench.reset()
    assert said.read_text().splitlines() == ["up", "down", "up", "down", "up"]


def test_a_stopped_container_is_started_for_on_destroy_alone(bench: Bench, said: Path) -> None:
    bench.create(on_activate=("echo up >>said",), on_destroy=("echo gone >>said",))
    bench.stop()
    bench.destroy()
    assert said.read_text().splitlines() == ["up", "gone"]
    assert bench.engine.specs == ()


def test_a_failure_is_told_and_in_nobodys_way(bench: Bench, said: Path) -> None:
    environment = bench.create(
        on_activate=("echo words; exit 3", "kill -9 $$", "echo up >>said"), on_destroy=("false",)
    )

    log = environment.paths.log
    assert bench.warnings == [
        f"on-activate 'echo words; exit 3': it ended with status 3: see {log}",
        f"on-activate 'kill -9 $$': signal 9 ended it: see {log}",
    ]
    assert said.read_text() == "up\n"
    assert "on-activate: echo words; exit 3\nwords\n" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600

    bench.destroy()
    assert bench.warnings[2:] == [f"on-destroy 'false': it ended with status 1: see {log}"]
    assert not bench.root.exists()


def test_a_service_goes_on(bench: Bench, said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_QUIET_S", 0.2)
    bench.create(on_activate=("echo $$ >said; exec tail -f /dev/null",))
    service = int(said.read_text())
    try:
        assert bench.warnings == []
    finally:
        os.kill(service, 9)
        os.waitpid(service, 0)


def test_what_does_not_end_before_a_stop_is_ended(bench: Bench, said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_LEAVE_S", 0.2)
    bench.create(on_deactivate=("echo $$ >said; exec tail -f /dev/null",))
    bench.stop()
    assert "it did not end within 0.2 s" in bench.warnings[0]
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text()), 0)


def test_a_damaged_configuration_does_not_keep_an_environment_alive(bench: Bench) -> None:
    environment = bench.create(on_destroy=("true",))
    environment.paths.configuration.write_text("[nonsense]\n")
    bench.destroy()
    assert len(bench.warnings) == 1
    assert not bench.root.exists()
