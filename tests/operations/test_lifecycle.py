"""Start, stop and destroy, whatever has happened to the environment before."""

from __future__ import annotations

import os
import shutil

import pytest

from cleanenv.environments import open_environment
from cleanenv.errors import EngineError, EngineUnavailableError, EnvironmentNotFoundError, UsageError
from cleanenv.model.link import Link
from cleanenv.operations.containers import ensure_running
from tests.operations.harness import Bench

SH = Link("sh", "/bin/sh")


def test_stopped_environment_starts_again(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.stop()
    assert not bench.engine.only().is_running

    assert bench.start() == environment
    assert bench.engine.only().is_running


def test_start_is_refused_when_the_host_got_the_mount_point_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M7."""
    bench.create(SH)
    bench.stop()
    known = os.path.lexists
    monkeypatch.setattr(os.path, "lexists", lambda path: path == "/r" or known(path))
    with pytest.raises(UsageError, match="the host itself has a /r"):
        bench.start()
    assert not bench.engine.only().is_running


def test_start_of_what_runs_changes_nothing(bench: Bench) -> None:
    environment = bench.create(SH)
    calls = len(bench.engine.calls)
    assert bench.start() == environment
    assert bench.engine.calls[calls:] == []


def test_removed_container_is_made_again_as_it_was(bench: Bench) -> None:
    environment = bench.create(SH)
    (spec,) = bench.engine.specs
    bench.engine.remove_container(environment.state.container_id)

    again = bench.start()

    assert bench.engine.specs == (spec,)
    assert again.state.container_id != environment.state.container_id
    assert open_environment(bench.root) == again


def test_container_that_a_killed_command_made_is_taken(bench: Bench) -> None:
    environment = bench.create(SH)
    (spec,) = bench.engine.specs
    bench.engine.remove_container(environment.state.container_id)
    made = bench.engine.create_container(spec)

    assert bench.start().state.container_id == made.id
    assert open_environment(bench.root).state.container_id == made.id


def test_environment_without_container_and_image_says_what_to_type(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.engine.remove_container(environment.state.container_id)
    bench.engine.remove_image(environment.state.image_id)
    with pytest.raises(EngineError) as caught:
        bench.start()
    assert caught.value.hint == f"cleanenv create --clear {bench.root}"


def test_socket_of_the_container_before_is_not_taken_for_an_agent(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.stop()
    assert environment.runtime.agent_socket.exists()
    ensure_running(bench.engine, environment)
    assert bench.list()[0].state == "running"


def test_runtime_directory_that_a_reboot_took_is_made_again(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.stop()
    shutil.rmtree(environment.runtime.root.parent)

    assert bench.start() == environment
    assert environment.runtime.launch_table.exists()


def test_stop_of_what_has_stopped_or_is_gone_is_fine(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.stop()
    bench.stop()
    bench.engine.remove_container(environment.state.container_id)
    bench.stop()


@pytest.mark.parametrize("before", ["running", "stopped", "removed"])
def test_reset_makes_a_fresh_container_as_it_was(bench: Bench, before: str) -> None:
    environment = bench.create(SH)
    (spec,) = bench.engine.specs
    if before == "stopped":
        bench.stop()
    if before == "removed":
        bench.engine.remove_container(environment.state.container_id)

    bench.reset()

    container = bench.engine.only()
    assert bench.engine.specs == (spec,)
    assert container.is_running
    assert container.id != environment.state.container_id
    assert open_environment(bench.root).state.container_id == container.id


def test_reset_without_the_image_removes_nothing(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.engine.image = lambda _: None  # type: ignore[method-assign, assignment]
    with pytest.raises(EngineError) as caught:
        bench.reset()
    assert caught.value.hint == f"cleanenv create --clear {bench.root}"
    assert bench.engine.only().id == environment.state.container_id


def test_reset_that_was_cut_short_ends_with_the_next_start(bench: Bench) -> None:
    bench.create(SH)
    (spec,) = bench.engine.specs

    def interrupt(_: object) -> object:
        raise KeyboardInterrupt

    make = bench.engine.create_container
    bench.engine.create_container = interrupt  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        bench.reset()
    bench.engine.create_container = make  # type: ignore[method-assign]

    bench.start()
    assert bench.engine.specs == (spec,)
    assert bench.engine.only().is_running


def test_destroy_leaves_nothing(bench: Bench) -> None:
    bench.create(SH)
    bench.destroy()
    assert bench.traces() == set()


def test_destroy_keeps_what_the_user_put_there(bench: Bench) -> None:
    bench.create(SH)
    (bench.root / "mine").mkdir()
    bench.destroy()
    assert bench.traces() == {"env", "env/mine"}


def test_destroy_without_an_engine_loses_nothing(bench: Bench) -> None:
    environment = bench.create(SH)
    before = bench.traces()
    bench.engine.is_gone = True
    with pytest.raises(EngineUnavailableError):
        bench.destroy()
    assert (bench.traces(), open_environment(bench.root)) == (before, environment)


@pytest.mark.parametrize("missing", ["bin", "cleanenv.conf", ".cleanenv/agent", ".cleanenv/launcher"])
def test_destroy_that_was_cut_short_can_be_said_again(bench: Bench, missing: str) -> None:
    bench.create(SH)
    path = bench.root / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    bench.destroy()
    assert bench.traces() == set()


def test_commands_for_no_environment_say_so(bench: Bench) -> None:
    for command in (bench.start, bench.stop, bench.reset, bench.destroy, bench.status, lambda: bench.unlink("x")):
        with pytest.raises(EnvironmentNotFoundError) as caught:
            command()
        assert caught.value.hint == f"cleanenv create {bench.root}"
    assert bench.traces() == set()
