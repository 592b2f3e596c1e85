"""A command that is killed in the middle leaves a history that is whole, and loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER
from integration.main_job.images import docker
from integration.main_job.pausing_engine import at_moments
from integration.main_job.traces import containers, images
from integration.snapshots.conftest import History, Make, kill

pytestmark = ONE_CALLER

COMMIT = r"POST /[^/]*/commit"
CREATE = r"POST /[^/]*/containers/create"
START = r"POST /[^/]*/containers/[0-9a-f]*/start"
RENAME = r"POST /[^/]*/containers/[0-9a-f]*/rename"
STOP = r"POST /[^/]*/containers/[0-9a-f]*/stop"
REMOVE = r"DELETE /[^/]*/containers/"
REMOVE_IMAGE = r"DELETE /[^/]*/images/"
EXPORT = r"GET /[^/]*/containers/[0-9a-f]*/export"


def kill_snapshot(
    history: History, sockets: Path, verb: str, *arguments: str, before: str = "", after: str = ""
) -> None:
    """Kill `cleanenv snapshot`, or what it does in the background, at that request to the engine."""
    environment = history.environment
    kill(environment.caller, sockets, "snapshot", verb, "-e", environment.path, *arguments, before=before, after=after)


def check(history: History) -> None:
    """The next command finds a whole history, and removes what the killed one left."""
    history.done("create", "after")
    path = history.environment.path
    assert len(images(path)) == len(history.names) - 1
    assert {str(each["image"]) for each in history.snapshots[1:]} == set(images(path))
    assert len(containers(path)) == 1
    assert docker("ps", "-aq", "--filter", "label=cleanenv.temporary") == ""


@at_moments(
    {"before": COMMIT},
    {"after": COMMIT},
    {"before": RENAME},
    {"after": CREATE},
    {"before": START},
    {"after": START},
    {"before": REMOVE},
)
def test_killed_create(make: Make, sockets: Path, moment: dict[str, str]) -> None:
    history = make()
    history.sh("echo one >~/one")
    kill_snapshot(history, sockets, "create", "first", **moment)
    assert history.names in (["created"], ["created", "first"])
    assert history.files() == ["one"]
    check(history)


@at_moments(
    {"after": COMMIT},
    {"after": RENAME},
    {"after": CREATE},
    {"before": START},
    {"after": START},
    {"before": REMOVE},
    {"after": REMOVE},
    {"after": STOP},
)
def test_killed_restore(make: Make, sockets: Path, moment: dict[str, str]) -> None:
    history = make()
    history.sh("echo one >~/one")
    history.done("create", "first")
    history.sh("echo two >~/two")
    if moment.get("after") == STOP:
        history.sh("setsid sleep 1000 >/dev/null 2>&1 &")  # it is stopped only where something runs
    kill_snapshot(history, sockets, "restore", "created", **moment)
    files = history.files()
    assert (files, history.position) in [([], 0), (["one", "two"], 1), (["one", "two"], 2)]
    history.sh("echo three >~/three")
    check(history)
    assert history.files() == [*files, "three"] if not files else sorted([*files, "three"])
    history.done("restore", "first")
    assert history.files() == ["one"]
    if not files:
        history.done("restore", "before-restore-2")
        assert history.files() == ["one", "two"]


@pytest.mark.parametrize("moment", [{"before": REMOVE_IMAGE}, {"after": REMOVE_IMAGE}], ids=["before", "after"])
def test_killed_remove(make: Make, sockets: Path, moment: dict[str, str]) -> None:
    history = make()
    for name in ("first", "second"):
        history.sh(f"echo {name} >~/{name}")
        history.done("create", name)
    history.done("restore", "created")
    kill_snapshot(history, sockets, "remove", "first", "second", **moment)
    assert history.names == ["created"]
    check(history)


def test_killed_diff_leaves_no_container(make: Make, sockets: Path) -> None:
    history = make()
    history.done("create", "first")
    kill_snapshot(history, sockets, "diff", "created", "first", before=EXPORT)
    check(history)
