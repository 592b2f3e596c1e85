"""A persistent environment comes back with the user's systemd, and stops with it: a real one, in cgroups of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import Argument, Caller, Environment, Result

pytestmark = [
    pytest.mark.parametrize("caller", ["root"], indirect=True),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it makes namespaces for a manager"),
]

_TIMEOUT_S = 60.0

# A manager takes over what is in its cgroup, so it sees no other. It only starts where a system manager has booted.
_START = """\
set -e
grep -qx 0::/ /proc/self/cgroup
mount --make-rprivate /
mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir /run/systemd/system
exec /lib/systemd/systemd --user
"""


class Manager:
    """The user's systemd, from a login to the logout. What the live directory shows is seen by `run` alone."""

    def __init__(self, caller: Caller, control_group: Path) -> None:
        self._caller = caller
        self._directory = Path(caller.variables["XDG_RUNTIME_DIR"])
        told = self._directory / "told"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(os.fspath(told))
            ready.settimeout(_TIMEOUT_S)
            enter = f"echo $$ >{control_group}/cgroup.procs; exec unshare --cgroup --mount sh -c '{_START}'"
            self._process = subprocess.Popen(
                ["sh", "-c", enter], env={**caller.variables, "NOTIFY_SOCKET": str(told)}, start_new_session=True
            )
            try:
                while b"READY=1" not in ready.recv(4096).splitlines():
                    pass
            except BaseException:
                self._process.kill()
                raise
            finally:
                told.unlink()

    def run(self, *command: Argument) -> Result:
        """Run a command where the manager lives."""
        return self._caller.run("nsenter", f"--mount=/proc/{self._process.pid}/ns/mnt", "--", *command)

    def systemctl(self, *arguments: str) -> str:
        """What systemctl answers."""
        return self.run("systemctl", "--user", *arguments).stdout.strip()

    def end(self) -> None:
        """Log out: all units are stopped."""
        self.systemctl("exit")
        try:
            self._process.wait(_TIMEOUT_S)
        finally:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def control_group() -> Iterator[Path]:
    """A cgroup of version 2."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    root = next(Path(words[4]) for words in lines if words[words.index("-") + 1] == "cgroup2")
    group = root / f"cleanenv-{uuid.uuid4().hex[:8]}"
    group.mkdir()
    yield group
    for directory, _names, _files in os.walk(group, topdown=False):
        os.rmdir(directory)


@contextlib.contextmanager
def logged_in(caller: Caller, control_group: Path) -> Iterator[Manager]:
    manager = Manager(caller, control_group)
    try:
        yield manager
    finally:
        manager.end()


def test_environment_comes_back_with_the_next_login(
    caller: Caller, place: Path, busybox: str, control_group: Path
) -> None:
    user = caller.with_variables(XDG_CONFIG_HOME=str(place / "config"))
    environment = Environment(place / "env", user)
    here = ("-e", environment.path)
    with logged_in(user, control_group) as manager:
        options = ("-b", busybox, "--link=/bin/true", "--persistent", environment.path)
        assert manager.run(user.executable, "create", *options).returncode == 0
        assert manager.run(user.executable, "service", "install", *here).returncode == 0
        (unit,) = [file.name for file in (place / "config/systemd/user").glob("*.service")]
        assert manager.systemctl("is-enabled", unit) == "enabled"
        for command in ("stop", "umount"):
            assert manager.run(user.executable, command, *here).output == ""

    with logged_in(user, control_group) as manager:
        assert manager.systemctl("is-system-running", "--wait") == "running"
        assert manager.systemctl("is-active", unit) == "active"
        assert manager.run(environment.bin / "true").output == ""

        manager.systemctl("stop", unit)
        assert manager.systemctl("is-active", unit) == "inactive"
        assert "  stopped  " in user.cleanenv("list").output
        assert manager.run("test", "-e", environment.bin / "true").returncode == 1
        manager.systemctl("start", unit)
        assert manager.run(environment.bin / "true").output == ""

        assert manager.run(user.executable, "destroy", environment.path).output == ""
        assert manager.systemctl("is-enabled", unit) in ("", "not-found")
        assert list((place / "config/systemd/user").rglob("*.service")) == []
