"""Files that are replaced whole, the list of environments, locks, and the caller's account."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from cleanenv.accounts import current_user
from cleanenv.environments import changing, open_environment, save_state
from cleanenv.errors import EnvironmentNotFoundError, EnvironmentStateError, MovedEnvironmentError
from cleanenv.files import locked, replace_file
from cleanenv.model.environment import EnvironmentPaths
from cleanenv.model.link import Link
from cleanenv.operations.interrupts import uninterrupted
from cleanenv.registry import Registry
from tests.operations.harness import Bench


def test_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    previous = os.umask(0o077)
    try:
        replace_file(file, b"new", 0o664)
    finally:
        os.umask(previous)
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o664)
    assert os.listdir(tmp_path) == ["file"]


def test_replacement_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == ["file"]


def test_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "file").symlink_to("target")
    replace_file(tmp_path / "file", b"new")
    assert ((tmp_path / "target").read_text(), (tmp_path / "file").is_symlink()) == ("kept", False)


def test_lock_is_held_by_one(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"), (tmp_path / "lock").open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_lock_is_no_link_to_somewhere_else(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to("elsewhere")
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "lock"):
        pass


# The list of environments


def test_environments_are_listed_as_they_were_added(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "state")
    assert registry.roots() == ()
    paths = (Path("/a b/é\udcff"), Path("/z"))
    registry.add("0" * 12, paths[1])
    registry.add("1" * 12, paths[0])
    assert registry.roots() == paths
    registry.remove("1" * 12)
    registry.remove("1" * 12)
    assert registry.roots() == paths[1:]


def test_foreign_files_in_the_list_are_left_alone(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.add("0" * 12, Path("/z"))
    (tmp_path / "environments/.000000000000.abcd").write_text("half written")
    (tmp_path / "environments/notes").write_text("mine")
    assert registry.roots() == (Path("/z"),)


# Environments


def test_directory_that_is_no_environment_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path, tmp_path / "missing", tmp_path / "file", tmp_path / "it's"):
        with pytest.raises(EnvironmentNotFoundError, match="there is none at that path"):
            open_environment(root)


def test_moved_environment_is_to_be_moved_back(bench: Bench) -> None:
    bench.create(Link("sh", "/bin/sh"))
    here = bench.directory / "it's"
    bench.root.rename(here)
    with pytest.raises(MovedEnvironmentError) as caught:
        open_environment(here)
    assert (caught.value.what, caught.value.why) == (
        f"environment {here}",
        f"it was made at {bench.root} and cannot be moved",
    )
    assert caught.value.hint is not None
    subprocess.run(caught.value.hint, shell=True, check=True)  # noqa: S602 (a hint is what is typed)
    open_environment(bench.root)


def test_copied_environment_is_to_be_made_anew(bench: Bench) -> None:
    bench.create(Link("sh", "/bin/sh"))
    copy = shutil.copytree(bench.root, bench.directory / "copy")
    with pytest.raises(MovedEnvironmentError) as caught:
        open_environment(copy)
    assert (caught.value.why, caught.value.hint) == (
        f"it is a copy of {bench.root}, which alone has the container",
        f"rm -r {copy} && cleanenv create {copy}",
    )


def test_environments_that_took_each_other_s_place_are_told(bench: Bench) -> None:
    other = bench.directory / "other"
    bench.create(Link("sh", "/bin/sh"))
    bench.create(Link("sh", "/bin/sh"), root=other)
    bench.root.rename(bench.directory / "aside")
    other.rename(bench.root)
    (bench.directory / "aside").rename(other)
    for root, origin in ((bench.root, other), (other, bench.root)):
        with pytest.raises(MovedEnvironmentError) as caught:
            open_environment(root)
        assert (caught.value.why, caught.value.hint) == (
            f"it was made at {origin} and cannot be moved",
            f"move away what is there now, then: mv {root} {origin}",
        )


def test_state_that_cannot_be_written_is_told(bench: Bench) -> None:
    environment = bench.create(Link("sh", "/bin/sh"))
    with pytest.raises(EnvironmentStateError, match="No such file or directory"):
        save_state(EnvironmentPaths(bench.directory / "missing"), environment.state)


def test_what_changed_while_the_lock_was_waited_for_is_read_again(bench: Bench) -> None:
    environment = bench.create(Link("sh", "/bin/sh"))
    seen: list[str] = []

    def wait() -> None:
        with changing(bench.root) as found:
            seen.append(found.state.image_name)

    waiting = threading.Thread(target=wait)
    with changing(bench.root):
        waiting.start()
        text = environment.paths.state.read_text()
        replace_file(environment.paths.state, text.replace(environment.state.image_name, "changed").encode())
    waiting.join()
    assert seen == ["changed"]


# Interrupts


def test_interrupt_waits_for_the_end_of_the_step() -> None:
    done: list[str] = []

    def step() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("the step")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done == ["the step"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ignored_signal_stays_ignored() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(signal.SIGHUP)
            inside = signal.getsignal(signal.SIGHUP)
        assert (inside, signal.getsignal(signal.SIGHUP)) == (signal.SIG_IGN, signal.SIG_IGN)
    finally:
        signal.signal(signal.SIGHUP, previous)


def test_other_threads_need_no_such_care() -> None:
    done: list[str] = []

    def step() -> None:
        with uninterrupted():
            done.append("the step")

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert done == ["the step"]


# The account


def test_user_is_the_one_of_this_process_with_all_its_groups() -> None:
    user = current_user()
    assert (user.uid, user.gid) == (os.geteuid(), os.getegid())
    assert {group.gid for group in user.groups} == {os.getegid(), *os.getgroups()}
    assert len(user.groups) == len({group.gid for group in user.groups})
    assert user.home.startswith("/")


def test_user_without_an_account_gets_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    monkeypatch.setattr(os, "getegid", lambda: 4_000_001)
    user = current_user()
    assert (user.name, user.uid, user.home) == ("user4000000", 4_000_000, "/home/user4000000")
    assert user.groups[0].name == "group4000001"


@pytest.mark.parametrize(
    ("entry", "name", "home"),
    [
        (("CORP\\ann", "/home/CORP/ann"), "CORP_ann", "/home/CORP/ann"),
        (("ann@corp.example", "/home/ann"), "ann_corp.example", "/home/ann"),
        (("www-data", "/"), "www-data", "/home/www-data"),
    ],
)
def test_user_of_a_domain_or_without_a_home_is_one_of_the_container(
    monkeypatch: pytest.MonkeyPatch, entry: tuple[str, str], name: str, home: str
) -> None:
    account = pwd.struct_passwd((entry[0], "x", os.geteuid(), os.getegid(), "", entry[1], "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: account)
    user = current_user()
    assert (user.name, user.home) == (name, home)
