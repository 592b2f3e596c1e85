"""A frozen environment in the real engine: nothing can be written, and everything comes back."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, error_of
from integration.main_job.pausing_engine import at_moments
from integration.main_job.traces import containers, images, traces
from integration.snapshots.conftest import History, Make, kill

COMMIT = r"POST /[^/]*/commit"
CREATE = r"POST /[^/]*/containers/create"
START = r"POST /[^/]*/containers/[0-9a-f]*/start"
STOP = r"POST /[^/]*/containers/[0-9a-f]*/stop"
REMOVE = r"DELETE /[^/]*/containers/"
READ_ONLY = os.strerror(errno.EROFS)


def frozen(environment: Environment, *arguments: str) -> str:
    """What `cleanenv freeze` says."""
    result = environment.cleanenv("freeze", *arguments)
    assert (result.returncode, result.stdout) == (0, ""), result
    return result.stderr


def test_nothing_is_written_in_it_and_unfrozen_it_is_as_before(make: Make, place: Path) -> None:
    shared = place / "shared"
    history = make("-d", f"{place}:/place:rw")
    history.environment.caller.mkdir(shared)
    environment = history.environment
    history.sh("echo one >~/one")
    history.done("create", "first")
    before = history.told

    assert frozen(environment) == "frozen at snapshot 1 (first)\n"

    for path in ("~/two", "~/one", "/etc/two", "/bin/two"):
        assert READ_ONLY in history.sh(f"echo two >{path}").stderr
    assert history.sh("rm ~/one; cat ~/one; id -un").stdout == f"one\n{environment.caller.name}\n"
    assert history.sh("echo shared >/place/shared/file && echo t >/tmp/$$ && rm /tmp/$$").output == ""
    assert (shared / "file").read_text() == "shared\n"
    assert history.told == {**before, "frozen": True}
    assert environment.cleanenv("status").output.splitlines()[0].endswith(" (frozen)")

    assert environment.cleanenv("unfreeze").output == ""

    assert history.told == before
    assert history.sh("echo two >~/two && ls ~").output.split() == ["one", "two"]


def test_what_no_snapshot_has_is_saved(make: Make) -> None:
    history = make()
    history.sh("echo one >~/one")
    assert frozen(history.environment) == "frozen at snapshot 1 (frozen-1)\n"
    assert history.files() == ["one"]
    history.environment.cleanenv("unfreeze")
    history.sh("rm ~/one")
    history.done("back")
    assert history.files() == ["one"]


@ONE_CALLER
def test_commands_that_would_change_it_say_so(make: Make) -> None:
    history = make()
    environment = history.environment
    frozen(environment)

    expected = (1, f"environment {environment.path}: it is frozen", f"cleanenv unfreeze -e {environment.path}")
    for arguments in (
        ("snapshot", "create"),
        ("snapshot", "back"),
        ("snapshot", "0"),
        ("snapshot", "prune"),
        ("snapshot", "configure", "sh", "--pattern", "x"),
        ("link", "/bin/ls"),
        ("unlink", "sh"),
        ("link", "--host", "true"),
        ("reset",),
        ("reset", "--hard", "--yes"),
    ):
        assert error_of(environment.caller.cleanenv(*arguments, "-e", environment.path)) == expected, arguments
    for arguments in (("stop",), ("start",), ("umount",), ("mount",), ("snapshot", "list"), ("status",)):
        assert environment.caller.cleanenv(*arguments, "-e", environment.path).returncode == 0, arguments
    assert READ_ONLY in history.sh("echo two >~/two").stderr
    assert error_of(environment.caller.cleanenv("unfreeze", "-e", environment.path.parent))[0] == 2


@ONE_CALLER
def test_programs_in_it_are_stopped_after_asking(make: Make) -> None:
    history = make()
    environment = history.environment
    with environment.caller.shell("bash") as shell:
        shell.output(f"source {environment.bin}/activate")
        code, said, hint = error_of(environment.cleanenv("freeze"))
        assert (code, hint) == (1, f"cleanenv freeze --yes -e {environment.path}")
        assert "shells are in it" in said
        frozen(environment, "--yes")
        assert READ_ONLY in shell.output("sh -c 'echo two >~/two' 2>&1 || true")


@ONE_CALLER
def test_frozen_environment_is_destroyed_with_everything(make: Make, caller: Caller, place: Path) -> None:
    before = traces(caller, place)
    history = make()
    frozen(history.environment)
    assert caller.cleanenv("destroy", history.environment.path).output == ""
    assert not [trace for trace in traces(caller, place) - before if not trace.startswith("file")]


@ONE_CALLER
@pytest.mark.parametrize("command", ["freeze", "unfreeze"])
@at_moments(
    {"after": STOP},
    {"after": COMMIT},
    {"after": CREATE},
    {"before": START},
    {"after": START},
    {"before": REMOVE},
)
def test_killed_in_the_middle_it_is_one_or_the_other(
    make: Make, sockets: Path, command: str, moment: dict[str, str]
) -> None:
    if command == "unfreeze" and COMMIT in moment.values():
        command, moment = "unfreeze", {"before": CREATE}
    history = make()
    environment = history.environment
    history.sh("echo one >~/one")
    if command == "unfreeze":
        frozen(environment)
    if STOP in moment.values():
        history.sh("setsid sleep 1000 >/dev/null 2>&1 &")  # it is stopped only where something runs
    kill(environment.caller, sockets, command, "-e", environment.path, **moment)
    assert history.files() == ["one"]
    is_frozen = bool(history.told["frozen"])
    assert (READ_ONLY in history.sh("echo two >~/two").stderr) == is_frozen
    check(history)
    if not is_frozen:
        frozen(environment)
    assert environment.cleanenv("unfreeze").returncode == 0
    assert history.files() == (["one"] if is_frozen else ["one", "two"])


def check(history: History) -> None:
    """What the killed command left is found and removed, and then nothing is wrong."""
    caller, path = history.environment.caller, history.environment.path
    assert history.told  # which waits for what goes on in the background
    caller.cleanenv("doctor", "--fix")
    told = caller.cleanenv("doctor").stdout
    assert str(path) not in told
    assert {str(each["image"]) for each in history.snapshots[1:]} == set(images(path))
    assert len(containers(path)) == 1
