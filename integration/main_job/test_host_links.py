"""Programs of the host that the container calls: git, ssh and a stand-in for xdg-open; who may, and when."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, error_of
from integration.main_job.images import docker
from integration.main_job.traces import remove_all

SHOW = '#!/bin/sh\nprintf "%s\\n" "$@"\nid -u\npwd\n'

# A stranger: sends a request of its own (tests/native/packets.py) and prints the type and the stage of the answer.
STRANGER = """
import os, socket, struct, sys
name, *arguments = (argument.encode() for argument in sys.argv[1:])
strings = [name, *arguments, b"/"]
body = b"".join(string + b"\\0" for string in strings)
head = struct.Struct("=IIQIIII IIiIi4x QQ 32Q 16Q")
size = head.size + len(body)
request = head.pack(
    0x766E6C63, 1, size, 0, 1, len(arguments), 0, 0, 0, 0, 18, 0, 0, 0, *([2**64 - 1] * 32), *([0] * 16)
) + body
connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
connection.settimeout(20)
connection.connect("/.cleanenv/host/agent/agent.sock")
try:
    connection.send(struct.pack("=IHHII", 0x766E6C63, 1, 1, 0, size) + request)
    answer = connection.recv(256)
    print(*struct.unpack_from("=HI", answer, 6) if answer else ("closed",))
except (ConnectionResetError, BrokenPipeError):
    print("closed")
"""
REFUSED = (
    "cleanenv: program of the host: no shell is in the environment, and no program of it is being called\n"
    "hint: on the host: activate the environment\n"
)


@pytest.fixture(scope="module")
def grown(caller: Caller, ground: Path, debian: str) -> Iterator[Environment]:
    """An environment with a project that has another name inside, and links to the host."""
    directory = caller.own(Path(tempfile.mkdtemp(prefix=f"{caller.name}-", dir=ground)))
    directory.chmod(0o755)
    try:
        environment = Environment(directory / "env", caller)
        caller.mkdir(environment.project)
        show = caller.write(directory / "show", SHOW, 0o755)
        result = caller.cleanenv(
            "create", "-b", debian, "--link=/bin/sh", "--link=/usr/bin/python3",
            "-d", f"{environment.project}:/work:rw", "--host-link", "git", "--host-link", "ssh",
            "--host-link", f"xdg-open:{show}", "--host-link", "sh-of-host:/bin/sh", environment.path,
        )  # fmt: skip
        assert result.returncode == 0, result
        yield environment
    finally:
        remove_all(caller, directory)


def inside(environment: Environment, script: str, *arguments: str) -> str:
    """What a script of the container's shell writes that succeeds and complains about nothing."""
    return environment.run("sh", "-euc", script, "sh", *arguments, cwd=environment.project).output


def test_git_commits_a_project_that_has_another_name_inside(grown: Environment) -> None:
    script = """
        pwd
        command -v git
        git init -q .
        git config user.email a@example.org
        echo text >file
        git add /work/file
        GIT_AUTHOR_NAME=Inside GIT_COMMITTER_NAME=Inside git commit -q -m message
        git -C /work log --format=%an:%s -- /work/file
        git status --short
        git rev-parse --show-toplevel
    """
    assert inside(grown, script).splitlines() == [
        "/work", "/.cleanenv/host/bin/git", "Inside:message", str(grown.project),
    ]  # fmt: skip
    # The host's git has made it, as the user.
    assert grown.caller.run("git", "-C", grown.project, "log", "--format=%s").output == "message\n"
    assert (grown.project / ".git/HEAD").stat().st_uid == grown.caller.uid


def test_what_is_opened_is_the_hosts_file(grown: Environment) -> None:
    said = inside(
        grown, "xdg-open /work/a.html file:///work/b%20c https://example.org/work /r/etc/hosts /tmp/x --v=/work/d"
    )
    assert said.splitlines() == [
        f"{grown.project}/a.html", f"file://{grown.project}/b%20c", "https://example.org/work", "/etc/hosts", "/tmp/x",
        f"--v={grown.project}/d", str(grown.caller.uid), str(grown.project),
    ]  # fmt: skip


def test_ssh_is_the_hosts(grown: Environment) -> None:
    native = subprocess.run(["ssh", "-V"], check=True, capture_output=True, text=True)
    result = grown.run("sh", "-c", "ssh -V", cwd=grown.project)
    assert (result.returncode, result.stderr) == (0, native.stderr)


def test_status_signals_and_pipes_are_those_of_a_program(grown: Environment) -> None:
    script = """
        sh-of-host -c 'exit 7' || echo $?
        { sh-of-host -c 'kill -TERM $$'; } 2>/dev/null || echo $?
        echo through | sh-of-host -c 'cat; echo error >&2' 2>&1 | tr a-z A-Z
    """
    assert inside(grown, script) == "7\n143\nTHROUGH\nERROR\n"


def test_directory_that_the_host_has_not_is_an_error(grown: Environment) -> None:
    result = grown.run("sh", "-c", "cd /usr/lib && git status", cwd=grown.project)
    assert error_of(result) == (
        125, "/usr/lib: the host has no such directory: no mount shows it", "cd to a directory of the host",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["/bin/sh", "/usr/bin/git", "python3", "g*", "../git", "inenv", ""])
def test_stranger_gets_nothing_that_is_not_linked(grown: Environment, name: str) -> None:
    script = 'git version >/dev/null; exec python3 -c "$@"'
    assert inside(grown, script, STRANGER, name, "sh", "-c", "exit 5") == "20 7\n", "FAILED, not permitted"
    assert inside(grown, script, STRANGER, "sh-of-host", "sh", "-c", "exit 5") == f"19 {5 << 8}\n", "the form is right"


def test_nobody_inside_but_the_user_is_served(grown: Environment) -> None:
    """Not even its root, unless the user is root."""
    strangers = ["65534"] if grown.caller.uid == 0 else ["65534", "0"]
    with grown.caller.shell("bash", cwd=grown.project) as shell:
        shell.output(f". {grown.bin}/activate")
        shell.output("sh -c 'git version'")
        for user in strangers:
            command = ["docker", "exec", "-u", user, grown.container]
            called = subprocess.run(
                [*command, "/.cleanenv/host/bin/git", "version"], check=False, capture_output=True, text=True
            )
            assert called.returncode != 0
            assert "git version" not in called.stdout
            if user == "0":  # who may pass the directories
                asked = [*command, "python3", "-c", STRANGER, "git", "git", "version"]
                tried = subprocess.run(asked, check=True, capture_output=True, text=True)
                assert tried.stdout == "closed\n"


def test_container_cannot_change_what_it_may_call(grown: Environment) -> None:
    inside(grown, "git version")
    tried = ["touch /.cleanenv/host/launch-table", "rm /.cleanenv/host/bin/git", "mkdir /.cleanenv/host/x"]
    for script in tried:
        result = subprocess.run(
            ["docker", "exec", "-u", "0", grown.container, "sh", "-c", script],
            check=False,
            capture_output=True,
            text=True,
        )
        assert "Read-only file system" in result.stderr


def test_what_a_call_leaves_behind_has_no_way_out(grown: Environment) -> None:
    """It waits for a word on a pipe, and then calls the host: once after the call, once while a shell is there."""
    asked, answered = grown.project / "asked", grown.project / "answered"
    for fifo in (asked, answered):
        os.mkfifo(fifo)
        grown.caller.own(fifo)
    script = "setsid sh -c 'while read x <asked; do git version >answered 2>&1; done' >/dev/null 2>&1 &"

    def said() -> str:
        asked.write_text("\n")
        return answered.read_text()

    inside(grown, script)
    while (after := said()) != REFUSED:
        # The host's agent has not ended yet, which it does within a second, or it ends just now.
        assert after.startswith(("git version", "cleanenv: git: the host has ended it: "))
    assert said() == REFUSED
    with grown.caller.shell("bash", cwd=grown.project) as shell:
        shell.output(f". {grown.bin}/activate")
        assert said().startswith("git version")


@ONE_CALLER
def test_links_come_and_go_in_a_running_call(grown: Environment) -> None:
    process = grown.caller.start(
        [grown.bin / "sh", "-c", "while read x; do doze 0; echo $?; done"], stdin=subprocess.PIPE, cwd=grown.project
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask() -> bytes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
            return process.stdout.readline()

        assert ask() == b"127\n"
        assert grown.cleanenv("link", "--host", "doze:/bin/sleep").output == ""
        assert ask() == b"0\n"
        assert f"{'host links':15} git:" in grown.cleanenv("status").output
        assert "doze:/bin/sleep" in grown.cleanenv("status").output
        assert grown.cleanenv("unlink", "--host", "doze").output == ""
        assert ask() == b"127\n"
        process.stdin.close()


@ONE_CALLER
def test_bad_links_are_refused(grown: Environment) -> None:
    for arguments, message in [
        (("no-such-program",), "host link 'no-such-program': there is no such program in PATH"),
        (("a/b:/bin/sh",), "host link 'a/b:/bin/sh': 'a/b' is no name for a program"),
        (("x:/etc/passwd",), "host link x:/etc/passwd: it is no program: not a file that you may execute"),
        (("git:/bin/sh",), "host link git:/bin/sh: the name is taken by "),
    ]:
        status, said, _ = error_of(grown.cleanenv("link", "--host", *arguments))
        assert status == 2
        assert said.startswith(message)
    assert "no-such-program" not in grown.cleanenv("status").output


@ONE_CALLER
def test_program_of_the_host_on_the_persons_terminal(grown: Environment) -> None:
    """Through two terminals: the container's for the host's, and the host's for the container's."""
    script = "sh-of-host -c 'test -t 0 && tty >/dev/null </dev/tty && stty size'"
    with grown.caller.shell("bash", cwd=grown.project) as shell:
        assert shell.output(f'{grown.bin}/sh -c "{script}"') == "24 200\n"


def test_end_of_the_environment_ends_them(grown: Environment) -> None:
    asked = "trap 'echo asked; exit' HUP TERM; echo up; while :; do sleep 0.1; done"
    process = grown.caller.start([grown.bin / "sh", "-c", f'sh-of-host -c "{asked}"'], cwd=grown.project)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert grown.cleanenv("stop").returncode == 0
        assert process.stdout.read() == b"asked\n"
    assert docker("inspect", "--format", "{{.State.Running}}", grown.container) == "false"
