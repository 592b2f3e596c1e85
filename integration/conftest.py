"""Who calls cleanenv in these tests, the images it takes, and a place of which nothing stays."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from integration.main_job.caller import CALLERS, Caller
from integration.main_job.images import make_busybox, make_debian, make_managers, make_services
from integration.main_job.installation import install
from integration.main_job.traces import remove_all

_FUSE = Path("/dev/fuse")
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of a run before a release."""
    parser.addoption(
        "--installed", action="store_true", help="cleanenv from a wheel for root as well, and every test as each caller"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Have each kind of user in turn; one of them where it speaks for all, or where the test has chosen."""
    test = metafunc.definition
    if "caller" in metafunc.fixturenames and not any(
        mark.args[0] == "caller" for mark in test.iter_markers("parametrize")
    ):
        is_one = test.get_closest_marker("one_caller") and not metafunc.config.option.installed
        metafunc.parametrize("caller", CALLERS[:1] if is_one else CALLERS, indirect=True, scope="session")


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A directory that everybody may enter, and that the container does not see as the host does (as it does /tmp)."""
    directory = Path(tempfile.mkdtemp(prefix="cleanenv-", dir="/var/tmp"))
    directory.chmod(0o755)
    yield directory
    subprocess.run(["rm", "-rf", directory], check=True)


@pytest.fixture(scope="session")
def image_cache(ground: Path) -> Path:
    """A cache of cleanenv's own for this run, but with the user's bootstrapped images: making them takes minutes."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cleanenv/images"
    kept.mkdir(parents=True, exist_ok=True)
    cache = ground / "cache"
    (cache / "cleanenv").mkdir(parents=True)
    (cache / "cleanenv/images").symlink_to(kept)
    return cache


@pytest.fixture(scope="session")
def debian(image_cache: Path) -> str:
    """An image with Python, a compiler and make."""
    return make_debian(image_cache / "cleanenv/images")


@pytest.fixture(scope="session")
def services(image_cache: Path) -> str:
    """An image with PostgreSQL and Redis."""
    return make_services(image_cache / "cleanenv/images")


@pytest.fixture(scope="session")
def managers(image_cache: Path) -> str:
    """An image with the package managers of Python, Node and Ruby."""
    return make_managers(image_cache / "cleanenv/images")


@pytest.fixture(scope="session")
def busybox() -> str:
    """An image of 2 MB, for what needs no more than a shell."""
    return make_busybox()


@pytest.fixture(scope="session")
def installed(ground: Path) -> Path:
    """The command of a wheel of this checkout, installed for everybody."""
    return install(ground / "installed")


@pytest.fixture(scope="session")
def me(request: pytest.FixtureRequest, ground: Path, image_cache: Path) -> Caller:
    """Who runs the tests: root or not, with the cleanenv of this checkout, unless --installed says otherwise."""
    account = pwd.getpwuid(os.geteuid())
    directories = {"XDG_STATE_HOME": ground / "state", "XDG_RUNTIME_DIR": ground / "run"}
    for directory in directories.values():
        directory.mkdir(mode=0o700)
    return Caller(
        name=account.pw_name,
        uid=account.pw_uid,
        gid=os.getegid(),
        groups=tuple(os.getgroups()),
        home=Path(account.pw_dir),
        executable=request.getfixturevalue("installed")
        if request.config.option.installed
        else Path(sys.executable).with_name("cleanenv"),
        variables={
            **_variables(account.pw_name, account.pw_dir),
            **{name: str(directory) for name, directory in directories.items()},
            "XDG_CACHE_HOME": str(image_cache),
        },
        runtime=ground / "run/cleanenv",
        state=ground / "state/cleanenv",
    )


@pytest.fixture(scope="session")
def user(request: pytest.FixtureRequest, ground: Path, me: Caller) -> Iterator[Caller]:
    """An ordinary user that may use the engine, with two groups besides its own, without any XDG_ variable."""
    if os.geteuid() != 0:
        yield me
        return
    name = f"ce-{uuid.uuid4().hex[:8]}"
    team = f"{name}-team"
    engine_group = grp.getgrgid(os.stat(_engine_socket()).st_gid).gr_name
    fuse_mode = stat.S_IMODE(_FUSE.stat().st_mode)
    homes = ground / "home"
    homes.mkdir()
    try:
        subprocess.run(["groupadd", team], check=True)
        groups = f"{engine_group},{team}"
        subprocess.run(
            ["useradd", "--create-home", "--base-dir", homes, "--shell", "/bin/sh", "-G", groups, name], check=True
        )
        _FUSE.chmod(0o666)  # as it is wherever udev made it
        account = pwd.getpwnam(name)
        yield Caller(
            name=name,
            uid=account.pw_uid,
            gid=account.pw_gid,
            groups=tuple(grp.getgrnam(group).gr_gid for group in (engine_group, team)),
            home=Path(account.pw_dir),
            executable=request.getfixturevalue("installed"),
            variables=_variables(name, account.pw_dir),
            runtime=Path(f"/tmp/cleanenv-{account.pw_uid}"),
            state=Path(account.pw_dir) / ".local/state/cleanenv",
        )
        shutil.rmtree(f"/tmp/cleanenv-{account.pw_uid}", ignore_errors=True)
    finally:
        _FUSE.chmod(fuse_mode)
        _end_processes_of(name)
        subprocess.run(["userdel", name], check=False)
        subprocess.run(["groupdel", team], check=False)


@pytest.fixture(scope="session")
def caller(request: pytest.FixtureRequest) -> Caller:
    """The user as whom the test runs (pytest_generate_tests)."""
    found = request.getfixturevalue("me" if request.param == "root" else "user")
    assert isinstance(found, Caller)
    return found


@pytest.fixture
def place(caller: Caller, ground: Path) -> Iterator[Path]:
    """A directory of the caller. Whatever a test makes in it goes with the test, however it ends."""
    directory = caller.own(Path(tempfile.mkdtemp(prefix="", dir=ground)))
    directory.chmod(0o755)
    yield directory
    remove_all(caller, directory)


def _variables(name: str, home: str) -> dict[str, str]:
    engine = {key: value for key, value in os.environ.items() if key.startswith("DOCKER_")}
    return {"PATH": _SYSTEM_PATH, "HOME": home, "USER": name, "LOGNAME": name, "LANG": "C.UTF-8", **engine}


def _engine_socket() -> str:
    return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


def _end_processes_of(user: str) -> None:
    processes = [process for process in psutil.process_iter(["username"]) if process.info["username"] == user]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)
