"""Flattening a real history, at depths that do not take minutes to reach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cleanenv.cli.context import current_host, engine_connector
from cleanenv.engine.port import Engine
from cleanenv.operations import background
from cleanenv.operations.snapshots import flatten
from cleanenv.operations.snapshots.take import Request, take
from integration.main_job.caller import ONE_CALLER
from integration.main_job.images import docker
from integration.main_job.traces import images
from integration.snapshots.conftest import History, Make

pytestmark = ONE_CALLER


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Engine]]:
    engine = engine_connector(current_host())()
    monkeypatch.setattr(flatten, "begin", lambda *_: None)
    monkeypatch.setattr(background, "run", lambda work, _log: work())
    yield lambda: engine
    engine.close()


def snapshot(history: History, connect: Callable[[], Engine], name: str) -> None:
    """In this process, in which a test has set other depths."""
    history.sh(f"echo {name} >~/{name}; ln ~/{name} ~/{name}-hard; chmod 4755 ~/{name}")
    host = current_host()
    assert take(history.environment.path, Request(name), host, connect=connect, progress=lambda *_: None)


def depths(history: History) -> list[int]:
    return [
        int(docker("inspect", "--format", "{{len .RootFS.Layers}}", str(each["image"]))) for each in history.snapshots
    ]


def test_next_snapshot_waits_for_it_when_it_must(
    make: Make, connect: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flatten, "NEEDED", 4)
    history = make("--env", 'ODD=a "b" $c \\d')
    for number in range(1, 7):
        snapshot(history, connect, f"s{number}")
    assert depths(history) == [1, 2, 3, 1, 2, 3, 1]
    assert history.names == ["created", *(f"s{number}" for number in range(1, 7))]
    assert len(images(history.environment.path)) == 6
    for number in (2, 3, 4, 6):
        history.done("restore", f"s{number}")
        assert len(history.files()) == 2 * number
        assert history.sh(f"stat -c '%a %h %U' ~/s{number}; id -un").output.split()[:2] == ["4755", "2"]
    assert history.sh("echo $ODD").output == 'a "b" $c \\d\n'
    variables = docker("inspect", "--format", "{{json .Config.Env}}", str(history.snapshots[3]["image"]))
    assert variables == docker("inspect", "--format", "{{json .Config.Env}}", str(history.snapshots[2]["image"]))


def test_in_the_background_it_takes_effect_beside_calls(
    make: Make, connect: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flatten, "WANTED", 3)
    history = make()
    for name in ("one", "two"):
        snapshot(history, connect, name)

    def meanwhile(*_: object) -> None:
        assert history.sh("echo works").output == "works\n"

    assert flatten.flatten(history.environment.path, connect=connect, progress=meanwhile)

    assert depths(history) == [1, 2, 1]
    assert len(history.files()) == 4
    assert len(images(history.environment.path)) == 2
    history.done("restore", "one")
    assert history.files() == ["one", "one-hard"]


def test_killed_in_the_middle_it_leaves_nothing(
    make: Make, connect: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    monkeypatch.setattr(flatten, "WANTED", 2)
    history = make()
    snapshot(history, connect, "one")
    before = history.snapshots
    own = "import os, signal; from cleanenv.operations.snapshots import flatten; flatten.WANTED = 2\n"
    script = place / "killed.py"
    script.write_text(
        f"{own}from cleanenv.cli.context import current_host, engine_connector\nfrom pathlib import Path\n"
        "flatten.flatten(Path(os.sys.argv[1]), connect=engine_connector(current_host()),"
        " progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    caller = history.environment.caller
    killed = caller.run(caller.executable.with_name("python"), script, history.environment.path)
    assert killed.returncode == -9, killed
    assert docker("ps", "-aq", "--filter", "label=cleanenv.temporary") != ""
    assert history.snapshots == before
    history.done("create", "two")
    assert docker("ps", "-aq", "--filter", "label=cleanenv.temporary") == ""
    assert len(images(history.environment.path)) == 2
