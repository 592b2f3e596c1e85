"""The live directory shows at every moment what is linked and what the container has."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, error_of
from integration.main_job.conftest import Create
from integration.main_job.images import docker

SCRIPTS = {f"activate{ending}" for ending in ("", ".csh", ".fish", ".nu", ".ps1", ".xsh")}
OWN = {*SCRIPTS, "cleanenv", "destroy", "inenv"}


def programs(environment: Environment) -> set[str]:
    """What is in it: the listing, a lookup of each, and a shell's search of its PATH agree on that."""
    names = set(environment.caller.run("ls", "-A", environment.bin).output.split()) - OWN
    for name in names:
        assert_there(environment, name)
    return names


def assert_there(environment: Environment, name: str) -> None:
    found = environment.caller.run("/bin/sh", "-c", 'command -v "$0"', name, variables={"PATH": str(environment.bin)})
    assert found.output == f"{environment.bin}/{name}\n"
    assert environment.caller.run("stat", "-c", "%A %U", environment.bin / name).output == (
        f"-rwxr-xr-x {environment.caller.name}\n"
    )


def assert_absent(environment: Environment, name: str) -> None:
    found = environment.caller.run("/bin/sh", "-c", 'command -v "$0"', name, variables={"PATH": str(environment.bin)})
    assert found.returncode != 0
    looked_up = environment.caller.run("stat", environment.bin / name)
    assert "No such file or directory" in looked_up.stderr


def install(environment: Environment, path: str, text: str = "#!/bin/sh\necho installed\n") -> None:
    """Put a program into the container, as a package manager in it would."""
    script = 'mkdir -p "${1%/*}" && cat >"$1" && chmod 755 "$1"'
    assert environment.run("inenv", "sh", "-c", script, "sh", path, stdin=text.encode()).output == ""


@ONE_CALLER
def test_link_and_unlink_are_visible_at_once(create: Create) -> None:
    environment = create("--link", "/bin/cat")
    assert programs(environment) == {"cat"}
    assert_absent(environment, "env")

    assert environment.cleanenv("link", "/bin/env", "list:/bin/ls").output == ""
    assert programs(environment) == {"cat", "env", "list"}

    assert environment.cleanenv("unlink", "cat", "list").output == ""
    assert programs(environment) == {"env"}
    assert_absent(environment, "cat")


@ONE_CALLER
def test_patterns_show_what_is_installed_and_removed_in_the_container(create: Create) -> None:
    environment = create("--link", "/opt/tools/*", "--link", "/opt/more/t?")
    assert programs(environment) == set()
    assert_absent(environment, "new")

    install(environment, "/opt/tools/new")
    assert_there(environment, "new")
    install(environment, "/opt/more/t1")
    install(environment, "/opt/more/other")
    assert programs(environment) == {"new", "t1"}
    assert environment.run("new").output == "installed\n"

    environment.run("inenv", "rm", "/opt/tools/new")
    assert_absent(environment, "new")
    environment.run("inenv", "chmod", "a-x", "/opt/more/t1")
    assert_absent(environment, "t1")
    assert programs(environment) == set()


def test_what_a_user_installs_in_its_home_is_there_without_any_link(create: Create) -> None:
    environment = create()
    install(environment, f"{environment.caller.home}/.local/bin/tool")

    assert "tool" in programs(environment)
    assert environment.run("tool").output == "installed\n"
    assert not (environment.caller.home / ".local/bin").exists()


@ONE_CALLER
def test_default_links_replace_no_program_of_the_system(caller: Caller, place: Path, debian: str) -> None:
    environment = Environment(place / "env", caller)
    assert caller.cleanenv("create", "-b", debian, environment.path).returncode == 0

    found = programs(environment)

    assert {"python3", "gcc", "make"} <= found
    assert found.isdisjoint({"ls", "sh", "cat", "env", "id", "bash"})


@ONE_CALLER
def test_times_are_those_of_the_programs_in_the_container(create: Create) -> None:
    environment = create("--link", "/opt/tools/*")
    install(environment, "/opt/tools/old")
    environment.run("inenv", "touch", "-d", "2001-02-03 04:05:06", "/opt/tools/old")

    # The kernel keeps what it was told of a file for a second.
    docker("exec", environment.container, "sh", "-c", "mv /opt/tools/old /opt/tools/older")
    assert (environment.bin / "older").stat().st_mtime == 981173106


@ONE_CALLER
def test_nothing_can_be_written_into_it(small: Environment) -> None:
    attempts = ((Path.touch, small.bin / "new"), (Path.unlink, small.bin / "sh"), (Path.rmdir, small.bin))
    for attempt, path in attempts:
        with pytest.raises(OSError, match=r"Read-only file system|Device or resource busy"):
            attempt(path)
    assert stat.S_IMODE((small.bin / "sh").stat().st_mode) == 0o755


@ONE_CALLER
@pytest.mark.parametrize("how", ["stop", "kill", "rm"])
def test_listing_stays_while_the_container_is_down(create: Create, how: str) -> None:
    environment = create("--link", "/bin/cat", "--link", "/opt/tools/*")
    install(environment, "/opt/tools/tool")
    before = programs(environment)

    if how == "stop":
        assert environment.cleanenv("stop").output == ""
    else:
        docker(how, *(["--force"] if how == "rm" else []), environment.container)

    assert programs(environment) == before == {"cat", "tool"}
    assert_absent(environment, "other")


@ONE_CALLER
@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["link", "cat:/bin/ls"],
            "link cat:/bin/ls: the name is taken by /bin/cat",
            "cleanenv unlink cat",
        ),
        (
            ["link", "/bin/env", "nothing:/bin/nothing"],
            "link nothing:/bin/nothing: the container has no such file",
            "cleanenv exec -e {path} -- ls -l /bin",
        ),
        (["unlink", "nothing"], "link nothing: the environment has no such link", "cleanenv status"),
        (["unlink", "sh", "nothing"], "link nothing: the environment has no such link", "cleanenv status"),
    ],
)
def test_link_that_cannot_be_changes_nothing(small: Environment, arguments: list[str], message: str, hint: str) -> None:
    before = small.path.joinpath("cleanenv.conf").read_bytes()

    assert error_of(small.cleanenv(*arguments)) == (2, message, hint.format(path=small.path))

    assert (programs(small), small.path.joinpath("cleanenv.conf").read_bytes()) == ({"cat", "sh"}, before)


@ONE_CALLER
def test_program_of_a_pattern_is_unlinked_by_its_pattern(create: Create) -> None:
    environment = create("--link", "/bin/ca*")
    assert error_of(environment.cleanenv("unlink", "cat")) == (
        2,
        "link cat: it comes from the pattern /bin/ca*",
        "cleanenv unlink '/bin/ca*'",
    )
    environment.cleanenv("unlink", "/bin/ca*")
    assert programs(environment) == set()


@ONE_CALLER
def test_links_made_at_the_same_time_are_all_kept(create: Create) -> None:
    environment = create("--link", "/bin/cat")
    names = ["env", "ls", "sort", "tail", "head", "wc"]
    started = [
        environment.caller.start([environment.caller.executable, "link", "-e", environment.path, f"/bin/{name}"])
        for name in names
    ]
    for process in started:
        with process:
            assert process.communicate(timeout=60) == (b"", b"")
    assert programs(environment) == {"cat", *names}
    assert os.path.isdir(environment.bin)
