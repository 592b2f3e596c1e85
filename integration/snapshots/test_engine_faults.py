"""Engine, disk and images fail in the middle of a snapshot command: the history stays whole, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv.environments import open_environment
from cleanenv.files import locked
from integration.main_job.caller import ONE_CALLER, Argument, Caller, Environment, error_of, finish
from integration.main_job.engines import SecondEngine
from integration.main_job.images import docker
from integration.main_job.pausing_engine import PausingEngine, at_moments
from integration.main_job.test_doctor import findings, typed
from integration.main_job.traces import containers, images
from integration.snapshots.conftest import History, Make
from integration.snapshots.test_faults import COMMIT, CREATE, EXPORT, REMOVE, RENAME, START

pytestmark = ONE_CALLER

IMPORT = r"POST /[^/]*/images/create"
Moment = dict[str, str]


def is_whole(history: History, below: Path) -> None:
    """Doctor finds nothing that it cannot mend, and nothing after that."""
    caller = history.environment.caller
    hints = {finding["hint"] for finding in findings(caller, below)}
    assert hints <= {"cleanenv doctor --fix"}, hints
    assert findings(caller, below, "--fix") == []


def test_removed_image_of_a_snapshot_is_told_and_the_others_stay(make: Make, place: Path) -> None:
    history = make()
    for name in ("first", "second"):
        history.sh(f"echo {name} >~/{name}")
        history.done("create", name)
    history.done("restore", "first")
    history.sh("echo third >~/third")
    gone = str(history.snapshots[2]["image"])
    docker("rmi", "--force", gone)

    assert history.names == ["created", "first", "second"]
    code, message, hint = error_of(history.run("restore", "second"))
    path = history.environment.path
    said = f"snapshot 2 (second): its image {gone[7:19]} was removed from the engine"
    assert (code, message, hint) == (1, said, f"cleanenv snapshot remove -e {path} 2")
    assert history.files() == ["first", "third"]
    (finding,) = findings(history.environment.caller, place)
    assert (finding["what"], finding["hint"]) == (f"snapshot 2 (second) of {path}", hint)
    typed(history.environment.caller, finding)
    assert findings(history.environment.caller, place) == []
    history.done("create", "third")
    history.done("restore", "first")
    assert (history.files(), history.names) == (["first"], ["created", "first", "third"])


def test_removed_image_of_the_present_snapshot_loses_nothing_of_the_others(make: Make, place: Path) -> None:
    history = make()
    for name in ("first", "second"):
        history.sh(f"echo {name} >~/{name}")
        history.done("create", name)
    assert history.environment.cleanenv("stop").output == ""
    docker("rmi", "--force", str(history.snapshots[2]["image"]))

    assert history.files() == ["first", "second"]
    path = history.environment.path
    for command in (("create", "third"), ("restore", "first"), ("back",)):
        code, message, hint = error_of(history.run(*command))
        why = "the image of its container was removed from the engine, so what is in the container cannot be saved"
        assert (code, message) == (1, f"environment {path}: {why}")
        assert hint == f"cleanenv snapshot restore --discard -e {path} 1"
        assert history.files() == ["first", "second"]
    history.done("restore", "--discard", "1")
    assert history.files() == ["first"]
    for finding in findings(history.environment.caller, place):
        typed(history.environment.caller, finding)
    assert (findings(history.environment.caller, place), history.names) == ([], ["created", "first"])


if os.geteuid() == 0:  # mounts and daemons

    @pytest.fixture
    def own(ground: Path, place: Path) -> Iterator[Path]:
        """A short directory for an engine and its sockets, which no container sees."""
        directory = ground / f"f-{place.name}"
        directory.mkdir()
        yield directory
        shutil.rmtree(directory, ignore_errors=True)

    @pytest.fixture
    def engine(own: Path) -> Iterator[SecondEngine]:
        second = SecondEngine(own)
        try:
            second.start()
            yield second
        finally:
            second.close()

    @pytest.fixture
    def history(engine: SecondEngine, caller: Caller, place: Path, busybox: str) -> History:
        """An environment of that engine, with two snapshots and a change."""
        return with_snapshots(engine, caller, place, busybox)

    def with_snapshots(engine: SecondEngine, caller: Caller, place: Path, image: str) -> History:
        engine.copy_image(image)
        user = caller.with_variables(DOCKER_HOST=engine.address)
        environment = Environment(place / "env", user)
        result = user.cleanenv("create", "-b", image, "--link", "/bin/sh", environment.path)
        assert result.returncode == 0, result
        history = History(environment)
        for name in ("first", "second"):
            history.sh(f"echo {name} >~/{name}")
            history.done("create", name)
        history.sh("echo third >~/third")
        return history

    def restarted_at(moment: Moment, engine: SecondEngine, own: Path, history: History, *command: Argument) -> None:
        """The engine is started anew while the command waits at that request."""
        path = own / "paused"
        path.unlink(missing_ok=True)
        with PausingEngine(path, engine.address.removeprefix("unix://"), **moment) as paused:
            user = history.environment.caller.with_variables(DOCKER_HOST=paused.address)
            process = user.start(command)
            paused.wait()
            engine.stop()
            engine.start()
            paused.go_on()
            result = finish(process)
            with locked(open_environment(history.environment.path).runtime.lock):
                pass  # what it does in the background is done too
        if result.returncode:
            code, _, _ = error_of(result)
            assert code == 1, result

    @at_moments(
        {"before": COMMIT},
        {"after": COMMIT},
        {"before": RENAME},
        {"after": CREATE},
        {"before": START},
    )
    def test_engine_that_restarts_during_a_snapshot_loses_nothing(
        history: History, engine: SecondEngine, own: Path, place: Path, moment: Moment
    ) -> None:
        executable = history.environment.caller.executable
        restarted_at(
            moment, engine, own, history, executable, "snapshot", "create", "-e", history.environment.path, "third"
        )
        assert history.files() == ["first", "second", "third"]
        assert history.names[:3] == ["created", "first", "second"]
        is_whole(history, place)
        history.done("create", "after")
        history.done("restore", "first")
        assert history.files() == ["first"]
        history.done("restore", "after")
        assert history.files() == ["first", "second", "third"]

    @at_moments(
        {"after": COMMIT},
        {"after": RENAME},
        {"after": CREATE},
        {"before": START},
        {"before": REMOVE},
    )
    def test_engine_that_restarts_during_a_restore_loses_nothing(
        history: History, engine: SecondEngine, own: Path, place: Path, moment: Moment
    ) -> None:
        executable = history.environment.caller.executable
        restarted_at(
            moment, engine, own, history, executable, "snapshot", "restore", "-e", history.environment.path, "first"
        )
        assert history.files() in (["first"], ["first", "second", "third"])
        is_whole(history, place)
        if history.files() == ["first"]:
            history.done("restore", "before-restore-3")
        assert history.files() == ["first", "second", "third"]
        history.done("restore", "second")
        assert history.files() == ["first", "second"]

    @at_moments(
        {"before": EXPORT},
        {"after": IMPORT},
        {"after": RENAME},
        {"before": START},
    )
    def test_engine_that_restarts_while_a_snapshot_is_made_flat_loses_nothing(
        history: History, engine: SecondEngine, own: Path, place: Path, moment: Moment
    ) -> None:
        history.done("create", "third")
        restarted_at(moment, engine, own, history, *flattening(history, place))
        assert history.files() == ["first", "second", "third"]
        assert history.names == ["created", "first", "second", "third"]
        is_whole(history, place)
        for name, files in (("first", ["first"]), ("third", ["first", "second", "third"])):
            history.done("restore", name)
            assert history.files() == files

    def test_full_disk_of_the_engine_during_a_snapshot_loses_nothing(
        caller: Caller, own: Path, place: Path, busybox: str
    ) -> None:
        own.joinpath("data").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", own / "data"], check=True)
        second = SecondEngine(own)
        try:
            second.start()
            history = with_snapshots(second, caller, place, busybox)
            history.sh("dd if=/dev/urandom of=$HOME/large bs=1M count=12 2>/dev/null")
            filler = own / "data/filler"
            fill(filler, left_kb=4096)

            code, message, _ = error_of(history.run("create", "large"))

            assert (code, "no space left on device" in message) == (1, True), message
            assert history.sh("ls ~ | wc -l").output == "4\n"
            assert history.names == ["created", "first", "second"]
            filler.unlink()
            is_whole(history, place)
            history.done("restore", "first")
            assert history.files() == ["first"]
            history.done("forward")
            history.done("restore", "before-restore-3")
            assert history.sh("ls ~ | wc -l; wc -c <~/large").output.split() == ["4", str(12 << 20)]
        finally:
            second.close()

    def test_full_disk_at_the_write_of_the_state_loses_nothing(
        make: Make, caller: Caller, place: Path, busybox: str
    ) -> None:
        del make
        disk = place / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=755", "tmpfs", disk], check=True)
        try:
            environment = Environment(disk / "env", caller)
            result = caller.cleanenv("create", "-b", busybox, "--link", "/bin/sh", environment.path)
            assert result.returncode == 0, result
            history = History(environment)
            history.sh("echo first >~/first")
            history.done("create", "first")
            history.sh("echo second >~/second")
            fill(disk / "filler", left_kb=0)

            for verb, argument in (("create", "second"), ("restore", "created")):
                code, message, _ = error_of(history.run(verb, argument))
                assert (code, "No space left on device" in message) == (1, True), message
                assert history.files() == ["first", "second"]
                assert (history.names, history.position) == (["created", "first"], 1)
                assert len(images(environment.path)) == len(containers(environment.path)) == 1

            (disk / "filler").unlink()
            is_whole(history, place)
            history.done("create", "second")
            history.done("restore", "first")
            assert history.files() == ["first"]
        finally:
            subprocess.run(["umount", "--lazy", disk], check=True)


def fill(filler: Path, *, left_kb: int) -> None:
    """Leave so much on the disk of that file."""
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            file.truncate(max(0, file.tell() - left_kb * 1024))


def flattening(history: History, place: Path) -> list[Argument]:
    """A command that makes the present snapshot flat, though it is not deep."""
    script = place / "flatten.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from cleanenv.cli.main import main; from cleanenv.operations.snapshots import flatten\n"
        "flatten.WANTED = 2\nmain()\n"
    )
    python = history.environment.caller.executable.with_name("python")
    return [python, script, "snapshot", "flatten", "-e", history.environment.path]


@at_moments(
    {"after": IMPORT},
    {"after": RENAME},
    {"after": CREATE},
    {"before": START},
    {"before": REMOVE},
)
def test_killed_while_a_snapshot_is_made_flat(make: Make, place: Path, sockets: Path, moment: Moment) -> None:
    history = make()
    for name in ("first", "second"):
        history.sh(f"echo {name} >~/{name}")
        history.done("create", name)
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    with PausingEngine(sockets / "engine", address, **moment) as engine:
        user = history.environment.caller.with_variables(DOCKER_HOST=engine.address)
        process = user.start(flattening(history, place))
        engine.wait()
        process.kill()
        finish(process)
    assert (history.files(), history.names) == (["first", "second"], ["created", "first", "second"])
    is_whole(history, place)
    assert len(images(history.environment.path)) == 2
    history.done("restore", "first")
    assert history.files() == ["first"]
    history.done("restore", "second")
    assert history.files() == ["first", "second"]
