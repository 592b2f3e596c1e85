"""What cannot be is said in one clear error, and leaves nothing behind; what is merely unusual works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, error_of, quoted
from integration.main_job.conftest import Create
from integration.main_job.images import docker
from integration.main_job.traces import traces

pytestmark = ONE_CALLER

DEEP = "/".join(["directory"] * 40)  # 399 characters
LONG = "x" * 256


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        # Links
        (
            ["--link", "/bin/no-such-program"],
            "link no-such-program:/bin/no-such-program: the container has no such file",
            "create it without this link, then see: cleanenv exec -e {path} -- ls -l /bin",
        ),
        (
            ["--link", "tool:~/no-such-program"],
            "link tool:~/no-such-program: the container has no such file",
            "create it without this link, then see: cleanenv exec -e {path} -- ls -l ~",
        ),
        (
            ["--link", "etc:/etc"],
            "link etc:/etc: it is no program: not a file that may be executed",
            "create it without this link, then see: cleanenv exec -e {path} -- ls -l /",
        ),
        (
            ["--link", "/etc/passwd"],
            "link passwd:/etc/passwd: it is no program: not a file that may be executed",
            "create it without this link, then see: cleanenv exec -e {path} -- ls -l /etc",
        ),
        # One each of what is refused before the engine is asked; all of them are in tests/.
        (
            ["--link", "a/b:/bin/sh"],
            "link 'a/b:/bin/sh': 'a/b' is no name for a program",
            "use another NAME:PATH",
        ),
        (
            ["--link", "x:/bin/sh", "--link", "x:/bin/ls"],
            "link 'x:/bin/ls': the name 'x' is taken by /bin/sh",
            "give one of them another name: --link OTHER:/bin/ls",
        ),
        (
            ["--link", "sh:bin/sh"],
            "link 'sh:bin/sh': the container path 'bin/sh' is not absolute",
            "use [NAME:]/PATH/IN/THE/CONTAINER",
        ),
        (
            ["-d", "{place}/missing:rw"],
            "directory '{place}/missing:rw': there is no {place}/missing on the host",
            "mkdir -p {place}/missing",
        ),
        (
            ["-d", "{place}:x"],
            "directory '{place}:x': the container path 'x' is not absolute (modes are rw and ro)",
            "use HOST:CONTAINER[:rw] with a container path that begins with /",
        ),
        (
            ["-d", "{place}:/x", "-d", "/opt:/x"],
            "directory /opt: /x in the container is {place} already",
            "mount one of them elsewhere",
        ),
    ],
)
def test_create_refuses(caller: Caller, place: Path, busybox: str, options: list[str], message: str, hint: str) -> None:
    path = place / "env"
    before = traces(caller, place)

    result = caller.cleanenv("create", "-b", busybox, *(option.format(place=place) for option in options), path)

    fields = {"place": place, "path": path}
    assert error_of(result) == (2, message.format(**fields), hint.format(**fields))
    assert traces(caller, place) == before


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        (LONG, "a part of the path is longer than a file name can be", "choose a shorter name"),
        ("/".join(["directory"] * 450), "File name too long", "choose another path"),
        ("a:b", "a colon ends an element of PATH", "choose a path without a colon"),
        ("a\nb", "a path cannot contain a newline here", "choose another path"),
    ],
    ids=["long name", "long path", "colon", "newline"],
)
def test_create_refuses_a_path(caller: Caller, place: Path, busybox: str, name: str, message: str, hint: str) -> None:
    before = traces(caller, place)

    result = caller.cleanenv("create", "-b", busybox, place / name)

    said = f"environment {place / name}".replace("\n", r"\n")
    assert error_of(result) == (2, f"{said}: {message}", hint)
    assert traces(caller, place) == before


def test_create_refuses_an_empty_path(caller: Caller, place: Path) -> None:
    result = caller.cleanenv("create", "", cwd=place)
    assert error_of(result) == (2, "environment: the path is empty", "cleanenv create PATH")


def test_create_refuses_an_environment_that_exists(small: Environment) -> None:
    before = traces(small.caller, small.path.parent)

    result = small.caller.cleanenv("create", "-b", "busybox", small.path)

    assert error_of(result) == (
        2,
        f"environment {small.path}: there is one at that path",
        f"cleanenv create --clear {small.path}",
    )
    assert traces(small.caller, small.path.parent) == before
    assert small.run("sh", "-c", "echo works").output == "works\n"


@pytest.mark.parametrize(
    "name",
    ['it\'s "quoted" $HOME `id` %s \\n \t*?[a]{b}', "Ümläut-環境-😀", "-r", "x" * 255, DEEP],
    ids=["quotes", "unicode", "dash", "long", "deep"],
)
def test_unusual_paths_work(create: Create, place: Path, name: str) -> None:
    environment = create("--link", "/bin/cat", path=place / name)
    file = environment.caller.write(place / "f i:l'e \"ü", "content\n")

    # The container is started again by a program that is told the path.
    docker("kill", environment.container)
    assert environment.run("cat", file).output == "content\n"
    assert environment.run("cat", file.name, cwd=place).output == "content\n"
    assert environment.caller.run(environment.bin / "destroy").output == ""
    assert not environment.path.exists()


def test_path_that_begins_with_a_dash_is_given_after_two(caller: Caller, place: Path, busybox: str) -> None:
    refused = caller.cleanenv("create", "-b", busybox, "-x", cwd=place)
    assert error_of(refused) == (2, "usage: No such option '-x'", "cleanenv create --help")

    assert caller.cleanenv("create", "-b", busybox, "--", "-x", cwd=place).returncode == 0
    assert caller.cleanenv("destroy", "--", "-x", cwd=place).output == ""
    assert os.listdir(place) == []


def test_directories_of_unusual_names_are_mounted(caller: Caller, create: Create, place: Path) -> None:
    names = ["a b", "c:d", "it's", 'say "x"', "ünï", "new,comma", "#hash", "[link]", " x ", "rw"]
    directories = [caller.mkdir(place / name) for name in names]
    environment = create("--link", "/bin/sh", *(f"-d{directory}:rw" for directory in directories))
    # What the configuration holds is read again whenever something changes.
    assert environment.cleanenv("link", "/bin/cat").output == ""
    assert environment.cleanenv("stop").output == ""

    for directory in directories:
        written = environment.run("sh", "-c", "pwd; echo x > file", cwd=directory)
        assert (written.output, directory.joinpath("file").read_text()) == (f"{directory}\n", "x\n")
        assert environment.run("cat", directory / "file").output == "x\n"


def test_directory_that_the_configuration_cannot_hold_is_refused(caller: Caller, place: Path, busybox: str) -> None:
    directory = caller.mkdir(place / "both ' and \", with a comma")
    before = traces(caller, place)

    code, message, hint = error_of(caller.cleanenv("create", "-b", busybox, "-d", directory, place / "env"))

    assert (code, hint) == (2, "use names without both kinds of quotes in them")
    assert message == f"configuration: it cannot hold the name {str(directory)!r}"
    assert traces(caller, place) == before


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["start", "-e"], "missing"),
        (["stop", "-e"], "missing"),
        (["status", "-e"], "missing"),
        (["status", "--json", "-e"], "a file"),
        (["unlink", "x", "-e"], "missing"),
        (["link", "/bin/x", "-e"], "a directory"),
        (["destroy"], "missing"),
        (["destroy"], "a directory"),
    ],
    ids=str,
)
def test_commands_refuse_what_is_no_environment(caller: Caller, place: Path, command: list[str], name: str) -> None:
    caller.mkdir(place / "a directory")
    caller.write(place / "a file", "")
    before = traces(caller, place)
    path = place / name

    result = caller.cleanenv(*command, path)

    hint = f"cleanenv create {quoted(path)}"
    assert error_of(result) == (2, f"environment {path}: there is none at that path", hint)
    assert traces(caller, place) == before


def test_exec_refuses_what_is_no_environment(caller: Caller, place: Path) -> None:
    result = caller.cleanenv("exec", "-e", place, "--", "id")
    assert error_of(result) == (2, f"environment {place}: there is none at that path", f"cleanenv create {place}")


def test_environment_that_nobody_named_is_asked_for(caller: Caller) -> None:
    assert error_of(caller.cleanenv("status")) == (
        2,
        "environment: none is active and none was named",
        "source PATH/bin/activate, or give -e PATH",
    )


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["crate"], "No such command 'crate'", "cleanenv --help"),
        (["create"], "Missing argument 'PATH'", "cleanenv create --help"),
        (["create", "a", "b"], "Got unexpected extra argument (b)", "cleanenv create --help"),
        (["status", "--jsn"], "No such option '--jsn'", "cleanenv status --help"),
        (["exec"], "Missing argument 'PROGRAM'", "cleanenv exec --help"),
        (["--nonsense"], "No such option '--nonsense'", "cleanenv --help"),
    ],
)
def test_commands_and_options_that_are_not_there(caller: Caller, arguments: list[str], message: str, hint: str) -> None:
    code, said, suggested = error_of(caller.cleanenv(*arguments))
    assert (code, said.partition(": ")[0], suggested) == (2, "usage", hint)
    assert message in said


def test_working_directory_that_is_gone_is_told(caller: Caller, place: Path) -> None:
    result = caller.run("sh", "-c", 'mkdir gone; cd gone; rmdir ../gone; "$0" create x', caller.executable, cwd=place)
    assert error_of(result) == (
        2,
        "working directory: No such file or directory",
        "cd to a directory that exists",
    )
