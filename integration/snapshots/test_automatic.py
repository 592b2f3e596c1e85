"""Snapshots after the runs of programs."""

from __future__ import annotations

import re

import pytest

from integration.main_job.caller import ONE_CALLER, finish
from integration.main_job.images import docker
from integration.snapshots.conftest import Make

pytestmark = ONE_CALLER


def test_run_that_matches_and_changes_something_is_followed_by_a_snapshot(make: Make) -> None:
    history = make()
    assert history.run("configure", "sh", "--pattern", "install", "--name", "sh-{id}").output == ""
    result = history.sh("echo 'install \"ü\" $x' >~/installed")
    assert (result.returncode, result.stdout) == (0, "")
    assert re.fullmatch(r"cleanenv: snapshot 1 \(sh-1\): \d+ B, \d+\.\d s\n", result.stderr), result
    (_, taken) = history.snapshots
    assert (taken["name"], taken["cause"], taken["is_current"]) == (
        "sh-1",
        "sh -c echo 'install \"ü\" $x' >~/installed",
        True,
    )


@pytest.mark.parametrize(
    "script", ["true install", "ls ~ >/dev/null # install", "touch ~/new; exit 3 # install", "touch ~/new"]
)
def test_run_that_changes_nothing_fails_or_does_not_match_is_followed_by_none(make: Make, script: str) -> None:
    history = make()
    history.run("configure", "sh", "--pattern", "install")
    assert history.sh(script).stderr == ""
    assert history.names == ["created"]


def test_failed_run_is_followed_by_one_where_it_was_asked_for(make: Make) -> None:
    history = make()
    history.run("configure", "sh", "--pattern", "install", "--always")
    result = history.sh("touch ~/new; exit 3 # install")
    assert (result.returncode, history.names) == (3, ["created", "sh-1"])


def test_run_by_inenv_is_seen_and_one_inside_of_the_container_is_not(make: Make) -> None:
    history = make()
    history.run("configure", "touch", "--pattern", ".")
    history.sh("touch ~/inside")
    assert history.names == ["created"]
    home = history.sh("echo ~").output.strip()
    assert "touch-1" in history.environment.run("inenv", "touch", f"{home}/seen").stderr
    assert "touch-2" in history.environment.run("inenv", "/bin/touch", f"{home}/seen-too").stderr


def test_rules_are_shown_replaced_and_removed(make: Make) -> None:
    history = make()
    history.run("configure", "sh", "--pattern", "a|b", "--name", "one-{id}")
    history.run("configure", "sh", "--pattern", "c", "--name", "two-{id}", "--always")
    history.run("configure", "sh", "--pattern", "a, b", "--name", "one-{id}")
    shown = history.environment.caller.cleanenv("snapshot", "configure", "-e", history.environment.path)
    assert shown.output == "sh  c  two-{id}  (always)\nsh  a, b  one-{id}\n"
    history.run("configure", "sh", "--remove", "--pattern", "c")
    history.run("configure", "sh", "--remove")
    history.sh("touch ~/new # a, b")
    assert history.names == ["created"]
    assert "[snapshot]" not in (history.environment.path / "cleanenv.conf").read_text()


def test_parallel_runs_end_and_their_snapshots_are_in_one_line(make: Make) -> None:
    history = make()
    history.run("configure", "sh", "--pattern", "install")
    start = history.environment.caller.start
    runs = [start([history.environment.bin / "sh", "-c", f"echo {number} >~/install-{number}"]) for number in range(6)]
    results = [finish(run) for run in runs]
    assert [result.returncode for result in results] == [0] * 6
    snapshots = history.snapshots
    assert [each["parent"] for each in snapshots] == [None, *range(len(snapshots) - 1)]
    assert 2 <= len(snapshots) <= 7
    said = "".join(result.stderr for result in results)
    assert said.count("cleanenv: snapshot ") == len(snapshots) - 1
    assert len(history.files()) == 6
    history.done("restore", "0")
    history.done("forward", str(len(snapshots) - 1))
    assert len(history.files()) == 6


def test_snapshot_that_cannot_be_taken_is_a_warning_and_the_run_counts(make: Make) -> None:
    history = make()
    history.run("configure", "sh", "--pattern", "install")
    state = history.environment.path / ".cleanenv/state.json"
    content = state.read_text()
    state.write_text("{")
    result = history.sh("echo new >~/install; echo works")
    state.write_text(content)
    assert (result.returncode, result.stdout) == (0, "works\n")
    assert result.stderr.startswith("cleanenv: state file ")
    assert len(result.stderr.splitlines()) == 1


def test_rules_come_with_the_configuration_file(make: Make, place: object) -> None:
    history = make("--config", write_configuration(place))
    assert "done-1" in history.sh("touch ~/new # install").stderr
    assert history.files() == ["new"]


def write_configuration(place: object) -> str:
    path = f"{place}/own.conf"
    with open(path, "w") as file:
        file.write("[snapshot]\n[[sh]]\ndone-{id} = install, always\n")
    return path


def test_program_in_the_background_is_held_not_killed(make: Make) -> None:
    history = make()
    history.run("configure", "sh", "--pattern", "install")
    history.sh("sleep 1000 >/dev/null 2>&1 & echo $! >/tmp/pid; true")
    container = history.environment.container
    for number in (1, 2):
        assert f"sh-{number}" in history.sh(f"echo {number} >~/install").stderr
        assert history.sh("true install").stderr == "", "nothing has changed since, and the container is the same"
    assert history.environment.container == container
    assert "sleep 1000" in docker("top", container)
