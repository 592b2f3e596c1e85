"""Each thing that can be wrong is found, with what mends it; mending takes nothing that may be the user's."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import cleanenv
from cleanenv import mounts
from cleanenv.engine.port import Engine
from cleanenv.errors import EngineUnavailableError, MountError
from cleanenv.files import locked
from cleanenv.model.container import Container
from cleanenv.model.link import Link
from cleanenv.mounts import MountEntry, MountState
from cleanenv.operations.doctor import environments, examination
from cleanenv.operations.doctor.examination import examine, mend
from cleanenv.operations.doctor.finding import Finding
from cleanenv.server.requirements import fuse_problems
from tests.operations.harness import IMAGE, Bench

SH = Link("sh", "/bin/sh")


@pytest.fixture(autouse=True)
def sound_host(monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    """The machine that runs the tests may lack FUSE, and has environments of its own."""
    monkeypatch.setattr(examination, "fuse_problems", lambda _uid: [])
    monkeypatch.setattr(mounts, "live_directories", tuple)
    bench.directory.joinpath("native/libpathmap.so").touch()


def found(bench: Bench) -> tuple[Finding, ...]:
    return examine(bench.host, connect=lambda: bench.engine)


def only(bench: Bench) -> Finding:
    (finding,) = found(bench)
    return finding


def fix(bench: Bench) -> tuple[int, int]:
    """How many were mended, and how many are left."""
    result = mend(bench.host, connect=lambda: bench.engine)
    return len(result.mended), len(result.left)


def change_state(root: Path, **values: object) -> None:
    path = root / ".cleanenv/state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def kill_create(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a create as SIGKILL does, when its container was made: nothing is undone."""
    with monkeypatch.context() as patch:
        patch.setattr("cleanenv.operations.create._Undo.__exit__", lambda *_: False)
        patch.setattr("cleanenv.operations.create.save_state", lambda *_: _fail())
        with pytest.raises(KeyboardInterrupt):
            bench.create(SH)


def _fail() -> None:
    raise KeyboardInterrupt


# The host


def test_nothing_is_wrong_with_what_works(bench: Bench) -> None:
    assert found(bench) == ()
    bench.create(SH)
    assert found(bench) == ()
    bench.stop()
    assert found(bench) == ()


def test_engine_that_is_not_there_is_found(bench: Bench) -> None:
    def connect() -> Engine:
        raise EngineUnavailableError("container engine", "Docker does not run", "systemctl start docker")

    bench.create(SH)
    assert examine(bench.host, connect=connect) == (
        Finding("container engine", "Docker does not run", "systemctl start docker"),
    )


def test_what_fuse_lacks_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "fuse_problems", lambda _uid: [MountError("/dev/fuse", "why", "hint")])
    assert only(bench) == Finding("/dev/fuse", "why", "hint")


def test_device_that_is_not_there_or_closed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (missing, *_) = fuse_problems(0, str(tmp_path / "fuse"))
    assert missing.hint == "modprobe fuse"

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        closed = next(fuse_problems(1000, "/dev/fuse"))
    assert (closed.why, closed.hint) == ("Permission denied", "sudo chmod 666 /dev/fuse")


def test_program_that_was_not_built_is_found(bench: Bench) -> None:
    bench.directory.joinpath("native/agent").unlink()
    assert only(bench).hint == "pip install --force-reinstall cleanenv"


# Environments


@pytest.mark.parametrize(
    ("damage", "hint"),
    [
        (lambda state: state.write_text(state.read_text()[:70]), "cleanenv destroy {root}"),
        (lambda state: change_state(state.parents[1], version=99, cleanenv_version="9.1"), "pip install cleanenv==9.1"),
        (lambda state: change_state(state.parents[1], path="/elsewhere"), "mv {root} /elsewhere"),
        (lambda state: state.parents[1].joinpath("cleanenv.conf").write_text("[global]\nx = 1\n"), ""),
    ],
)
def test_damaged_environment_is_found_and_not_mended(bench: Bench, damage: Callable[[Path], object], hint: str) -> None:
    bench.create(SH)
    damage(bench.root / ".cleanenv/state.json")
    before = bench.traces()
    finding = found(bench)[0]
    assert finding.hint.startswith(hint.format(root=bench.root))
    assert finding.hint
    assert (fix(bench)[0], bench.traces()) == (0, before)


@pytest.mark.parametrize("name", ["agent", "launcher"])
def test_program_that_is_missing_is_put_back_if_it_is_of_this_version(bench: Bench, name: str) -> None:
    bench.create(SH)
    program = bench.root / ".cleanenv" / name
    program.unlink()
    assert fix(bench) == (1, 0)
    assert (program.read_text(), program.stat().st_mode & 0o777) == (name, 0o755)

    program.unlink()
    change_state(bench.root, cleanenv_version="0.0.1")
    assert only(bench).hint == f"cleanenv create --clear {bench.root}"
    assert fix(bench) == (0, 1)


def test_environment_of_another_version_is_fine(bench: Bench) -> None:
    bench.create(SH)
    change_state(bench.root, cleanenv_version="0.0.1")
    assert found(bench) == ()


def test_runtime_directory_that_others_can_enter_is_found(bench: Bench) -> None:
    environment = bench.create(SH)
    environment.runtime.root.chmod(0o755)
    assert only(bench).why == "it is not a directory that only you can use"


def test_dead_live_directory_is_mounted_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.create(SH)
    state = MountState.DEAD
    monkeypatch.setattr(mounts, "state", lambda _path: state)
    assert (only(bench).why, only(bench).hint) == ("its server was killed", f"cleanenv mount -e {bench.root}")

    def start(settings: object) -> None:
        del settings
        nonlocal state
        state = MountState.ABSENT

    monkeypatch.setattr("cleanenv.server.process.start", start)
    assert fix(bench) == (1, 0)


def test_silent_server_is_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = bench.create(SH)
    environment.runtime.server_lock.write_text("4194303\n")
    monkeypatch.setattr(mounts, "state", lambda _path: MountState.SILENT)
    assert only(bench).hint == f"kill -9 4194303 && cleanenv mount -e {bench.root}"
    assert fix(bench) == (0, 1)


def test_server_of_another_version_is_found(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.create(SH)
    monkeypatch.setattr(mounts, "state", lambda _path: MountState.LIVE)
    monkeypatch.setattr(environments, "_server_version", lambda _environment: "0.0.1")
    assert only(bench).why == f"its server is of cleanenv 0.0.1, and this is {cleanenv.__version__}"


def test_image_that_was_removed_is_found(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.engine.image = lambda _: None  # type: ignore[method-assign, assignment]
    assert only(bench) == Finding(
        f"image {IMAGE}", "it was removed, and a reset needs it", f"cleanenv create --clear {bench.root}"
    )
    bench.engine.remove_container(environment.state.container_id)
    assert only(bench).why == "it was removed, and so was the container that was made of it"


def test_paused_container_is_found(bench: Bench) -> None:
    environment = bench.create(SH)
    real = bench.engine.container

    def paused(container_id: str) -> Container | None:
        container = real(container_id)
        return replace(container, status="paused") if container else None

    bench.engine.container = paused  # type: ignore[method-assign]
    assert only(bench).hint == f"docker unpause cleanenv-{environment.state.id}"


def test_agent_that_says_nonsense_is_found(bench: Bench) -> None:
    bench.create(SH)
    (agent,) = bench.engine.agents
    agent.reply = lambda _kind, _texts: (b"nonsense", [])
    assert only(bench).hint == f"cleanenv stop -e {bench.root} && cleanenv start -e {bench.root}"


# What is left of environments


def test_container_of_a_directory_that_was_removed_is_found_and_kept(bench: Bench) -> None:
    bench.create(SH)
    shutil.rmtree(bench.root)
    assert (only(bench).why, only(bench).hint) == (
        f"its environment {bench.root} is gone",
        f"cleanenv destroy {bench.root}",
    )
    assert fix(bench) == (0, 1)

    bench.destroy()
    assert (found(bench), bench.traces()) == ((), set())


def test_container_whose_place_another_environment_has_is_found(bench: Bench) -> None:
    old = bench.create(SH)
    shutil.rmtree(bench.root)
    bench.create(SH)
    assert only(bench).hint == f"docker rm --force cleanenv-{old.state.id}"
    assert fix(bench) == (0, 1)


def test_containers_of_others_are_not_looked_at(bench: Bench) -> None:
    environment = bench.create(SH)
    (spec,) = bench.engine.specs
    bench.destroy()
    labels = tuple((name, "4194303" if name == "cleanenv.owner" else value) for name, value in spec.labels)
    bench.engine.create_container(replace(spec, labels=labels))
    bench.engine.create_container(replace(spec, name="made-of-its-image"))
    assert found(bench) == ()
    assert environment.state.id in spec.name


def test_entry_without_environment_and_container_is_forgotten(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.engine.remove_container(environment.state.container_id)
    shutil.rmtree(bench.root)
    assert only(bench).why == "it is gone, and still in the list"
    assert fix(bench) == (1, 0)
    assert bench.traces() == set()


def test_runtime_directory_without_environment_is_removed(bench: Bench) -> None:
    environment = bench.create(SH)
    runtime = environment.runtime.root
    kept = bench.directory / "kept"
    shutil.copytree(runtime, kept, ignore=lambda *_: ["agent.sock"])
    bench.destroy()
    shutil.move(kept, runtime)
    with locked(environment.runtime.lock):
        assert found(bench) == ()
    assert only(bench).hint == f"rm -r {runtime}"
    assert fix(bench) == (1, 0)
    assert bench.traces() == set()


def test_what_a_killed_create_left_is_removed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_create(bench, monkeypatch)
    assert [summary.state for summary in bench.list()] == ["damaged"]
    assert only(bench).why == "it is half-made: a create was killed"
    assert fix(bench) == (1, 0)
    assert bench.traces() == set()


def test_create_that_is_at_work_is_no_leftover(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_create(bench, monkeypatch)
    (identifier,) = bench.registry.entries()
    with locked(bench.directory / "run/cleanenv" / identifier / "lock"):
        assert found(bench) == ()


def test_lost_state_file_does_not_take_the_container_with_it(bench: Bench) -> None:
    bench.create(SH)
    bench.root.joinpath(".cleanenv/state.json").unlink()
    assert only(bench).why == "its state file is missing"
    assert fix(bench) == (0, 1)
    bench.destroy()
    assert bench.traces() == set()


def test_mount_without_environment_is_taken_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = bench.create(SH)
    bench.engine.remove_container(environment.state.container_id)
    shutil.rmtree(bench.root)
    mounted = [
        MountEntry(str(bench.root / "bin"), "0:1", "fuse.cleanenv", os.geteuid()),
        MountEntry("/of/another/bin", "0:2", "fuse.cleanenv", os.geteuid() + 1),
    ]
    monkeypatch.setattr(mounts, "live_directories", lambda: tuple(mounted))
    monkeypatch.setattr(mounts, "unmount", lambda _point, **_: mounted.pop(0))
    assert [finding.why for finding in found(bench)] == [
        "it is gone, and still in the list",
        "it is mounted, and its environment is gone",
    ]
    assert fix(bench) == (2, 0)
    assert len(mounted) == 1


def test_destroy_of_what_is_gone_leaves_a_bin_of_the_users(bench: Bench) -> None:
    bench.create(SH)
    shutil.rmtree(bench.root)
    mine = bench.root / "bin/mine"
    mine.parent.mkdir(parents=True)
    mine.touch()
    bench.destroy()
    assert bench.traces() == {"env", "env/bin", "env/bin/mine"}


def test_destroy_takes_a_damaged_environment(bench: Bench) -> None:
    bench.create(SH)
    bench.root.joinpath(".cleanenv/state.json").write_text("{")
    bench.destroy()
    assert bench.traces() == set()


# Snapshots


def test_snapshot_whose_image_is_gone_is_found(bench: Bench) -> None:
    bench.create(SH)
    bench.take("first")
    bench.reset()
    bench.engine.remove_image(bench.history.get(1).image_id)
    assert only(bench) == Finding(
        f"snapshot 1 (first) of {bench.root}",
        "its image was removed from the engine",
        f"cleanenv snapshot remove -e {bench.root} 1",
    )
    bench.remove("1")
    assert found(bench) == ()


def test_image_that_a_killed_command_left_is_found_and_removed(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.take("first")
    identifier = environment.state.id
    labels = {"cleanenv.id": identifier, "cleanenv.snapshot": "2"}
    left = bench.engine.commit_container(bench.container.id, f"localhost/cleanenv/{identifier}:2", labels)
    assert only(bench).what == f"history of {bench.root}"
    with locked(environment.runtime.lock):
        assert found(bench) == (), "a command is at work on it"
    assert fix(bench) == (1, 0)
    assert bench.engine.image(left.id) is None
    assert found(bench) == ()
