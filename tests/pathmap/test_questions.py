"""What is asked, and what is not: an lstat on a dead mount blocks, and a question to the container costs a message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleanenv.model.mount import Mount
from cleanenv.pathmap import HostProbe, PathMap, Presence, Status
from tests.pathmap.fake_files import FakeContainer, FakeHost, SilentContainer

ROOT = Mount("/", "/r", writable=False)
PROJECT = Mount("/home/u/proj", "/work", writable=True)
CWD = "/home/u/proj"


def _asked(argument: str, *there: str) -> list[bytes]:
    host = FakeHost([CWD, *there])
    PathMap([ROOT, PROJECT], CWD, probe=host, container_has=FakeContainer()).argument(argument)
    return host.asked


@pytest.mark.parametrize("argument", ["", "x", "-O2", "--name=x", "a:b", "...", "a..b", "-I.."])
def test_an_argument_without_a_slash_asks_nothing(argument: str) -> None:
    assert _asked(argument) == []


@pytest.mark.parametrize(
    "argument",
    [
        "src/x.c",
        "//net/x",
        "/dev/null",
        "/proc/self/x",
        "/r/home/x",
        "/",
        "--prefix=/etc",
        "host:/home/u",
        "/home/u/proj",
        "http://h/home/u",
        "s/a/b/",
        "./a:src/b",
        "sub/../x",
        "-DX='/home/u'",
    ],
)
def test_what_its_text_decides_asks_nothing(argument: str) -> None:
    assert _asked(argument) == []


def test_an_absent_first_name_is_the_only_question() -> None:
    assert _asked("/api/v1/items") == [b"/api"]


def test_a_path_is_walked_until_it_ends() -> None:
    assert _asked("/home/u/a/b/c") == [b"/home", b"/home/u", b"/home/u/a"]


def test_a_dead_mount_is_touched_only_by_who_names_it() -> None:
    """/net/dead never answers; it is asked about below /net only."""

    class Network(FakeHost):
        def presence(self, path: bytes) -> Presence:
            assert not path.startswith(b"/net/dead"), "blocked for ever"
            return super().presence(path)

    dead = Mount("/net/dead", "/dead", writable=True)
    host = Network([CWD, "/net/dead", "/net/alive"])
    paths = PathMap([ROOT, PROJECT, dead], CWD, probe=host, container_has=FakeContainer())
    for argument in ("/home/u/x", "/nett/dead/x", "../x", "-I/net/alive/x", "/api/v1:/etc/x", "/net/dead"):
        paths.argument(argument)
    assert b"/net" in host.asked


def test_below_a_mount_only_what_follows_is_asked() -> None:
    assert _asked("/home/u/proj/a/b") == [b"/home/u/proj/a"]


def test_a_list_asks_for_itself_before_its_elements() -> None:
    assert _asked("/srv/a:/home/u") == [b"/srv", b"/srv", b"/home", b"/home/u"]


@pytest.mark.parametrize("argument", ["/usr/lib/x", "/bin/sh", "-I/opt/x", "/lib64/ld.so", "/nix/store/x", "a=/gnu/x"])
def test_the_container_is_asked_for_system_trees_that_the_host_has(argument: str) -> None:
    path = argument[argument.index("/") :]
    container = FakeContainer([path])
    paths = PathMap([ROOT], "/home", probe=FakeHost([path]), container_has=container)
    assert paths.argument(argument).status is Status.UNCHANGED
    assert container.asked == [os.fsencode(path)]


@pytest.mark.parametrize("argument", ["/usr/lib/x", "/opt/x"])
def test_the_container_is_not_asked_for_what_the_host_does_not_have(argument: str) -> None:
    container = FakeContainer([argument])
    assert PathMap([ROOT], "/home", probe=FakeHost(), container_has=container).argument(argument).text == argument
    assert container.asked == []


@pytest.mark.parametrize(
    "argument", ["/etc/x", "/var/x", "/home/u/x", "/tmp", "--dir=/tmp", "/dev/null", "/x", "/home/u/proj/x"]
)
def test_the_container_is_asked_for_no_other_class(argument: str) -> None:
    container = FakeContainer()
    host = FakeHost([CWD, "/etc/x", "/var/x", "/home/u/x", "/tmp"])
    PathMap([ROOT, PROJECT], CWD, probe=host, container_has=container).argument(argument)
    assert container.asked == []


def test_all_questions_of_one_argument_are_asked_in_one_pass() -> None:
    container = SilentContainer()
    host = FakeHost(["/usr/a", "/opt/b", "/home/u"])
    waiting = PathMap([ROOT], "/home", probe=host, container_has=container)
    result = waiting.argument("/usr/a:/home/u:/opt/b")
    assert (result.status, result.value) == (Status.PENDING, None)
    assert container.asked == [b"/usr/a", b"/opt/b"]
    assert waiting.variable("PYTHONPATH", "/usr/a:/opt/b").status is Status.PENDING

    answered = PathMap([ROOT], "/home", probe=host, container_has=FakeContainer(["/usr/a"]))
    assert answered.argument("/usr/a:/home/u:/opt/b").text == "/usr/a:/r/home/u:/r/opt/b"


def test_a_trailing_slash_asks_the_same_question() -> None:
    container = FakeContainer()
    PathMap([ROOT], "/home", probe=FakeHost(["/usr/a"]), container_has=container).argument("/usr/a/")
    assert container.asked == [b"/usr/a"]


def test_nothing_longer_than_a_path_can_be_is_asked() -> None:
    long = "/home/" + "x" * 300
    assert _asked(long) == [b"/home"]
    deep = "/home" + "/u" * 3000
    host = FakeHost([deep])
    assert PathMap([ROOT], "/home", probe=host).argument(deep).text == "/r" + deep
    assert max(map(len, host.asked)) < 4096


def test_the_host_probe_looks_at_real_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/nowhere")
    probe, here = HostProbe(), os.fsencode(tmp_path)
    assert probe.presence(here) is Presence.PRESENT
    assert probe.presence(here + b"/file") is Presence.PRESENT
    assert probe.presence(here + b"/none") is Presence.ABSENT
    assert probe.presence(here + b"/file/below") is Presence.ABSENT
    assert probe.presence(here + b"/link") is Presence.SYMLINK
    assert probe.link_target(here + b"/link") == b"/nowhere"
    assert probe.link_target(here + b"/file") is None


def test_what_may_not_be_looked_at_exists(tmp_path: Path) -> None:
    """EACCES as a user has it; ELOOP and ENAMETOOLONG come the same way for root too."""
    assert HostProbe().presence(os.fsencode(tmp_path) + b"/" + b"x" * 300) is Presence.PRESENT


def test_an_exception_of_a_probe_comes_out_of_the_call() -> None:
    class Broken(FakeHost):
        def presence(self, path: bytes) -> Presence:
            raise RuntimeError(path)

    with pytest.raises(RuntimeError, match="/home"):
        PathMap([ROOT], "/home", probe=Broken()).argument("/home/x")


def test_a_nul_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        PathMap([ROOT], "/home").argument("/home/\0x")


def test_a_relative_working_directory_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        PathMap([ROOT], "home")
