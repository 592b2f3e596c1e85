"""Which runs of programs are followed by a snapshot, and in which order."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cleanenv.errors import EngineError, UsageError
from cleanenv.model.snapshot_rule import SnapshotRule
from cleanenv.server.settings import ServerSettings
from cleanenv.server.snapshots import AutomaticSnapshots

RULES = (SnapshotRule("pip", "install|uninstall", "pip-{id}"), SnapshotRule("gem", "^gem i", always=True))


def settings(directory: Path, program: str, *rules: SnapshotRule) -> ServerSettings:
    """A server whose cleanenv is a shell script; it gets the arguments of `python`."""
    python = directory / "python"
    python.write_text(f"#!/bin/sh\n{program}\n")
    python.chmod(0o755)
    return ServerSettings(
        environment=str(directory / "env"),
        runtime_directory=str(directory / "run"),
        uid=0,
        gid=0,
        home="/home/ann",
        links=(),
        files=(),
        launcher="/launcher",
        python=str(python),
        variables=(("PATH", "/usr/bin:/bin"),),
        snapshot_rules=rules or RULES,
    )


def run(*words: str, succeeded: bool = True) -> str:
    """What the launcher tells of a run."""
    return ("1" if succeeded else "0") + "".join(os.fsencode(word + "\0").hex() for word in words)


ECHO = 'echo "cleanenv: $*"'


def test_rule_that_covers_the_run_has_its_snapshot_taken(tmp_path: Path) -> None:
    snapshots = AutomaticSnapshots(settings(tmp_path, ECHO))
    (said,) = snapshots.after(run("pip", "install", "x y"))
    words = "-m cleanenv snapshot automatic --name=pip-{id} --program=pip --cause=pip install x y"
    assert said == f"{words} -e {tmp_path / 'env'}"


@pytest.mark.parametrize(
    ("told", "is_due"),
    [
        (run("pip", "install", "x"), True),
        (run("pip", "install", "x")[:-4], True),  # a long one is cut
        (run("pip", "list"), False),
        (run("pip", "install", "x", succeeded=False), False),
        (run("pip3", "install", "x"), False),
        (run("gem", "install", "x", succeeded=False), True),
        (run("gem", "x", "gem", "i"), False),
    ],
)
def test_run_that_no_rule_covers_is_followed_by_none(tmp_path: Path, told: object, is_due: bool) -> None:  # noqa: FBT001
    assert bool(AutomaticSnapshots(settings(tmp_path, ECHO)).after(told)) is is_due


def test_any_bytes_are_looked_at(tmp_path: Path) -> None:
    snapshots = AutomaticSnapshots(settings(tmp_path, ECHO, SnapshotRule("pip", "ü.*\udcff$")))
    (said,) = snapshots.after(run("pip", "ü", "\udcff"))
    assert "--cause=pip ü " in said


@pytest.mark.parametrize(
    "told",
    [
        None,
        3,
        "pip install",
        [],
        {},
        "",
        "1xy",
        "17",
        "2706970",
    ],
)
def test_what_tells_of_no_run_is_refused(tmp_path: Path, told: object) -> None:
    with pytest.raises(UsageError, match="tells of no run"):
        AutomaticSnapshots(settings(tmp_path, ECHO)).after(told)


def test_failure_is_the_commands_and_the_next_one_is_served(tmp_path: Path) -> None:
    snapshots = AutomaticSnapshots(settings(tmp_path, "echo 'cleanenv: engine: it is gone' >&2; exit 1"))
    for _ in range(2):
        with pytest.raises(EngineError, match="engine: it is gone"):
            snapshots.after(run("pip", "install", "x"))


def test_changed_rules_count_from_then_on(tmp_path: Path) -> None:
    snapshots = AutomaticSnapshots(settings(tmp_path, ECHO))
    snapshots.replace(replace(settings(tmp_path, ECHO), snapshot_rules=()))
    assert snapshots.after(run("pip", "install", "x")) == ()


def test_runs_are_served_one_after_the_other_in_their_order(tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    # The first one waits until all others have come; a second one beside it would be seen in the log.
    program = f'echo "begin $*" >>{log}; [ -p {gate} ] && read line <{gate} && rm {gate}; echo "end $*" >>{log}'
    os.mkfifo(gate)
    snapshots = AutomaticSnapshots(settings(tmp_path, program))
    threads = []
    for number in range(4):
        thread = threading.Thread(target=snapshots.after, args=(run("pip", "install", str(number)),))
        before = snapshots.waiting
        thread.start()
        threads.append(thread)
        while snapshots.waiting == before:
            os.sched_yield()
    gate.write_text("go on\n")
    for thread in threads:
        thread.join(30)
    words = [line.split(" ", 1)[0] + line.rpartition("install ")[2][:1] for line in log.read_text().splitlines()]
    assert words == ["begin0", "end0", "begin1", "end1", "begin2", "end2", "begin3", "end3"]
