"""A dead network mount hangs whoever names it, as natively, and nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from tests.native.conftest import HostEnvironment, host_environment

SCRIPT = Path(__file__).with_name("dead_mount.py")
ECHO = Link("echo", "/bin/echo")


class DeadMount:
    """A mounted directory that does not answer; `questions` has what it was asked."""

    def __init__(self, point: Path) -> None:
        self.point = point
        point.mkdir(parents=True)
        self._server = subprocess.Popen([sys.executable, SCRIPT, point], stdout=subprocess.PIPE, cwd="/")
        assert self._server.stdout is not None
        self._output = self._server.stdout
        assert self._output.readline() == b"mounted\n"

    def question(self) -> str:
        """The next question; waits for it."""
        return os.fsdecode(self._output.readline()).rstrip("\n")

    def close(self) -> list[str]:
        """End it; what waits gets an error. The questions that were not taken, the first time."""
        if self._output.closed:
            return []
        self._server.kill()
        rest = self._output.read()
        self._server.wait()
        self._output.close()
        unmount = ["umount", "--lazy"] if os.geteuid() == 0 else ["fusermount3", "-u", "-z"]
        subprocess.run([*unmount, self.point], check=True)
        return os.fsdecode(rest).splitlines()


@pytest.fixture(scope="module")
def environment() -> Iterator[HostEnvironment]:
    with host_environment() as environment:
        yield environment


@pytest.fixture
def dead(tmp_path: Path) -> Iterator[DeadMount]:
    mount = DeadMount(tmp_path / "net" / "dead")
    yield mount
    mount.close()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where the calls are made: a directory that is mounted at its own place."""
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def _link(environment: HostEnvironment, here: Path, *mounts: Mount) -> None:
    own = Mount(str(here), str(here), writable=True)
    environment.link(ECHO, mounts=(Mount("/", "/r", writable=False), own, *mounts))


@pytest.mark.parametrize("as_mount", [False, True], ids=["below-the-root-mount", "a-mount-of-its-own"])
def test_a_call_that_does_not_name_it_does_not_wait(
    environment: HostEnvironment, dead: DeadMount, here: Path, *, as_mount: bool
) -> None:
    _link(environment, here, *((Mount(str(dead.point), "/dead", writable=True),) if as_mount else ()))
    net = dead.point.parent
    arguments = [
        str(net),
        f"{net}/",
        f"{net}/alive/x",
        f"{net}/deader/x",
        f"-I{net}/other:{here}",
        "../net",
        "net/x",
        "/usr/bin/env",
        "dead",
    ]
    result = environment.run("echo", *arguments, cwd=here, env={"PYTHONPATH": f"{net}/lib:{here}"})
    assert (result.returncode, result.stderr) == (0, b"")
    assert f" /r{net}/deader/x " in os.fsdecode(result.stdout)
    assert dead.close() == []


@pytest.mark.parametrize("as_mount", [False, True], ids=["below-the-root-mount", "a-mount-of-its-own"])
def test_a_call_that_names_it_waits_as_natively(
    environment: HostEnvironment, dead: DeadMount, here: Path, *, as_mount: bool
) -> None:
    _link(environment, here, *((Mount(str(dead.point), "/dead", writable=True),) if as_mount else ()))
    with environment.popen("echo", f"{dead.point}/x", stdout=subprocess.PIPE, cwd=here) as call:
        assert dead.question() == ("/x" if as_mount else "/")
        assert call.poll() is None
        dead.close()
        output, _ = call.communicate(timeout=30)
    # What cannot be looked at is there.
    assert output == (b"/dead/x\n" if as_mount else os.fsencode(f"/r{dead.point}/x\n"))
