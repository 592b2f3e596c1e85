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
from cleanenv.profiles import built_in_profiles
from tests.native.conftest import HostEnvironment, host_environment

SCRIPT = Path(__file__).with_name("dead_mount.py")
# echo shows what it got; what is known of its own words is left out.
PROFILES = [profile for profile in built_in_profiles() if "echo" not in profile.programs]
PROGRAMS = [Link(name, "/bin/echo") for name in ("echo", "grep", "sed", "ssh", "docker", "gcc", "rm")]


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
    environment.link(*PROGRAMS, mounts=(Mount("/", "/r", writable=False), own, *mounts), profiles=PROFILES)


@pytest.mark.parametrize("trace", [{}, {"CLEANENV_TRACE": "map"}], ids=["quiet", "traced"])
@pytest.mark.parametrize("as_mount", [False, True], ids=["below-the-root-mount", "a-mount-of-its-own"])
def test_a_call_that_does_not_name_it_does_not_wait(
    environment: HostEnvironment, dead: DeadMount, here: Path, trace: dict[str, str], *, as_mount: bool
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
    # The caller's word about where it is does not count, and what nobody knows is no path.
    variables = {"PYTHONPATH": f"{net}/lib:{here}", "PWD": f"{dead.point}/x", "UNKNOWN": f"{dead.point}/x", **trace}
    result = environment.run("echo", *arguments, cwd=here, env=variables)
    assert (result.returncode, bool(result.stderr)) == (0, bool(trace))
    assert f" /r{net}/deader/x " in os.fsdecode(result.stdout)
    assert dead.close() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("echo", ["http://h{dead}/x", "h:{dead}/x", "'{dead}/x'", '{{"a":"{dead}"}}', "cat {dead}/x"]),
        ("grep", ["{dead}/x"]),
        ("grep", ["-F", "-e", "{dead}/x", "--include={dead}/y"]),
        ("sed", ["{dead}/d"]),
        ("ssh", ["far", "cat", "{dead}/x"]),
        ("docker", ["run", "-v", "{dead}:/x", "image", "{dead}/x"]),
        ("gcc", ["-DX='{dead}/x'"]),
    ],
)
def test_words_that_are_no_paths_do_not_name_it(
    environment: HostEnvironment, dead: DeadMount, here: Path, name: str, words: list[str]
) -> None:
    """By their shape, or by what is known of the program."""
    _link(environment, here)
    given = [word.format(dead=dead.point) for word in words]
    result = environment.run(name, *given, cwd=here, env={})
    assert (result.returncode, result.stderr) == (0, b"")
    assert os.fsdecode(result.stdout) == " ".join(given) + "\n"
    assert dead.close() == []


def test_arguments_that_are_not_mapped_do_not_name_it(
    environment: HostEnvironment, dead: DeadMount, here: Path
) -> None:
    _link(environment, here)
    result = environment.run("echo", f"{dead.point}/x", cwd=here, env={"CLEANENV_ARGS": "off"})
    assert result.stdout == os.fsencode(f"{dead.point}/x\n")
    assert dead.close() == []


def test_file_and_link_beside_it_are_looked_at_without_it(
    environment: HostEnvironment, dead: DeadMount, here: Path
) -> None:
    """A file of arguments that is read, a link that is removed and not followed into it."""
    _link(environment, here)
    net = dead.point.parent
    (net / "args").write_text(f"-I{net}/other\n")
    (net / "link").symlink_to(dead.point / "x")
    assert environment.run("gcc", f"@{net}/args", cwd=here, env={}).stdout == os.fsencode(f"-I/r{net}/other\n")
    assert environment.run("rm", f"{net}/link", cwd=here, env={}).stdout == os.fsencode(f"/r{net}/link\n")
    assert dead.close() == []


def test_a_call_from_beside_it_does_not_wait(environment: HostEnvironment, dead: DeadMount, here: Path) -> None:
    net = dead.point.parent
    _link(environment, here, Mount(str(net), str(net), writable=True))
    result = environment.run("echo", "./x", "../net/y", f"{here}/z", cwd=net, env={})
    assert os.fsdecode(result.stdout) == f"./x {net}/y {here}/z\n"
    assert dead.close() == []
