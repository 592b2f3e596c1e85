"""The runtime directory is the user's alone, or it is not used."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv.errors import EnvironmentStateError
from cleanenv.model.host import Host
from cleanenv.model.user import Group, User
from cleanenv.runtime import choose_runtime_directory, make_runtime_directory

ID = "0123456789ab"
ME = os.geteuid()


@pytest.fixture
def base() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ce-"))
    yield directory
    shutil.rmtree(directory)


def choose(runtime: str, *, uid: int = ME) -> str:
    user = User("ann", uid, "/home/ann", (Group("ann", uid),))
    host = Host(user=user, working_directory="/", variables={"XDG_RUNTIME_DIR": runtime}, python="/p")
    return choose_runtime_directory(host, ID)


def test_directory_of_the_login_is_taken(base: Path) -> None:
    assert choose(str(base)) == f"{base}/cleanenv/{ID}"


@pytest.mark.parametrize("fault", ["missing", "relative", "empty", "open", "a link", "a file", "too long"])
def test_directory_that_is_not_private_is_not_taken(base: Path, fault: str) -> None:
    path = base / "run"
    given = str(path)
    if fault == "relative":
        given = "run"
    elif fault == "empty":
        given = ""
    elif fault == "open":
        path.mkdir(mode=0o755)
    elif fault == "a link":
        (base / "real").mkdir(mode=0o700)
        path.symlink_to(base / "real")
    elif fault == "a file":
        path.touch(mode=0o600)
    elif fault == "too long":
        path = base / ("x" * 80)
        path.mkdir(mode=0o700)
        given = str(path)
    assert not choose(given).startswith(str(base))


def test_without_any_it_is_in_tmp() -> None:
    assert choose("", uid=4_000_000) == f"/tmp/cleanenv-4000000/{ID}"


def test_directory_is_made_for_the_user_alone(base: Path) -> None:
    previous = os.umask(0)
    try:
        paths = make_runtime_directory(f"{base}/cleanenv/{ID}", ME)
        again = make_runtime_directory(f"{base}/cleanenv/{ID}", ME)
    finally:
        os.umask(previous)
    assert paths == again
    for directory in (paths.root.parent, paths.root, paths.agent_directory):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_directory_whose_base_a_reboot_took_is_made_again(base: Path) -> None:
    assert make_runtime_directory(f"{base}/run/user/1/cleanenv/{ID}", ME).agent_directory.is_dir()


@pytest.mark.parametrize("level", ["cleanenv", f"cleanenv/{ID}", f"cleanenv/{ID}/agent"])
@pytest.mark.parametrize("attack", ["a link", "open to the group", "open to others", "a file"])
def test_directory_that_somebody_else_prepared_is_refused(base: Path, level: str, attack: str) -> None:
    target = base / level
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for parent in (base / "cleanenv", base / "cleanenv" / ID):
        if parent.exists():
            parent.chmod(0o700)
    if attack == "a link":
        (base / "elsewhere").mkdir(mode=0o700)
        target.symlink_to(base / "elsewhere")
    elif attack == "a file":
        target.touch(mode=0o600)
    else:
        target.mkdir()
        target.chmod(0o770 if "group" in attack else 0o707)

    with pytest.raises(EnvironmentStateError) as caught:
        make_runtime_directory(f"{base}/cleanenv/{ID}", ME)
    error = caught.value
    mend = {"a link": f"rm {target}", "a file": f"rm {target}"}.get(attack, f"chmod 700 {target}")
    assert (error.what, error.hint) == (f"runtime directory {target}", mend)
    assert error.why == "it is not a directory that only you can use"
    assert not any((base / "elsewhere").iterdir()) if attack == "a link" else True


@pytest.mark.parametrize("level", ["cleanenv", f"cleanenv/{ID}"])
def test_directory_of_another_owner_is_refused(base: Path, level: str) -> None:
    """Seen from the other side: what this process owns is foreign to another user."""
    (base / level).mkdir(parents=True, mode=0o700)
    with pytest.raises(EnvironmentStateError) as caught:
        make_runtime_directory(f"{base}/cleanenv/{ID}", ME + 1)
    error = caught.value
    assert error.why == "it is not a directory that only you can use"
    assert error.hint == f"sudo rm -r {base}/cleanenv"
