"""The host's ssh, git and xdg-open, called from the container, beside the same programs called by the host itself."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from integration.main_job.caller import TIMEOUT_S, Caller, Environment, Result, quoted
from integration.main_job.traces import remove_all

pytestmark = [
    pytest.mark.parametrize("caller", ["user"], indirect=True),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it logs an account of its own in"),
]

PASSWORD = "open sesame"  # noqa: S105 (of an account that the test makes)
EDITOR = '#!/bin/sh\nprintf "message? "; read line </dev/tty; echo "$line" >"$1"\n'
HANDLER = '#!/bin/sh\nprintf "%s\\n" "$@" >>"$HOME/opened"\n'
HOOK = '#!/bin/sh\npwd; test -d /r || echo on the host; echo "$GIT_AUTHOR_NAME"\n'


@pytest.fixture(scope="module")
def inside(caller: Caller, ground: Path, debian: str) -> Iterator[Environment]:
    """An environment with a project that has another name inside, one that is below /r alone, and three host links."""
    directory = caller.own(Path(tempfile.mkdtemp(prefix="host-", dir=ground)))
    directory.chmod(0o755)
    try:
        for name in ("proj", "other"):
            caller.mkdir(directory / name)
        editor, handler = (
            caller.write(directory / name, text, 0o755) for name, text in (("editor", EDITOR), ("handler", HANDLER))
        )
        of_the_user = caller.with_variables(EDITOR=str(editor), BROWSER=str(handler), TERM="xterm")
        environment = Environment(directory / "env", of_the_user)
        result = of_the_user.cleanenv(
            "create", "-b", debian, "--link=/bin/sh", "-d", f"{environment.project}:/work:rw",
            *("--host-link=ssh", "--host-link=git", "--host-link=xdg-open"), environment.path,
        )  # fmt: skip
        assert result.returncode == 0, result
        yield environment
    finally:
        remove_all(caller, directory)


def natively(environment: Environment, script: str, cwd: Path, stdin: bytes = b"") -> Result:
    return environment.caller.run("/bin/sh", "-c", script, cwd=cwd, stdin=stdin)


def from_inside(environment: Environment, script: str, cwd: Path, stdin: bytes = b"") -> Result:
    return environment.run("sh", "-c", script, cwd=cwd, stdin=stdin)


def talk(environment: Environment, shell: str | Path, script: str, cwd: Path, *talk: tuple[str, str]) -> str:
    """What a terminal shows of a script of which each line is awaited and then answered, and its status."""
    child = pexpect.spawn(
        "/bin/sh",  # the live directory is nobody's but the user's
        ["-c", 'exec "$0" -c "$1"', str(shell), f"{script}; echo status $?"],
        cwd=str(cwd),
        env=dict(environment.caller.variables),
        encoding="utf-8",
        timeout=TIMEOUT_S,
        preexec_fn=environment.caller.become,
        dimensions=(24, 100),
    )
    shown = ""
    try:
        for awaited, answer in talk:
            child.expect_exact(awaited)
            shown += str(child.before) + awaited
            child.send(answer)
        child.expect(pexpect.EOF)
        return shown + str(child.before)
    finally:
        child.close(force=True)


# ssh


@dataclass(frozen=True, slots=True)
class Server:
    """A server on loopback; `known` is its line of known_hosts, `home` has the user's keys and settings."""

    known: str
    home: Path

    def forget(self) -> None:
        """As if nobody had connected to it yet."""
        (self.home / "known_hosts").unlink(missing_ok=True)

    def know(self, caller: Caller) -> None:
        caller.write(self.home / "known_hosts", self.known)


@pytest.fixture(scope="module")
def server(inside: Environment) -> Iterator[Server]:
    """For the user alone, by key or password; `ssh far` connects to it by the user's settings."""
    caller, place = inside.caller, inside.path.parent
    home = caller.mkdir(caller.home / ".ssh")
    home.chmod(0o700)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", place / "host-key"], check=True, capture_output=True)
        asked = subprocess.run(
            ["dropbearkey", "-y", "-f", place / "host-key"], check=True, capture_output=True, text=True
        )
        assert caller.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "id_ed25519").returncode == 0
        caller.write(home / "authorized_keys", (home / "id_ed25519.pub").read_text(), 0o600)
        subprocess.run(["chpasswd"], input=f"{caller.name}:{PASSWORD}\n", check=True, text=True)
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        settings = f"Host far\n HostName 127.0.0.1\n Port {port}\n User {caller.name}\n LogLevel ERROR\n"
        caller.write(home / "config", settings, 0o600)
        known = f"[127.0.0.1]:{port} {' '.join(asked.stdout.splitlines()[1].split()[:2])}\n"
        thread = threading.Thread(target=_serve, args=(listening, place / "host-key"))
        thread.start()
        stack.callback(thread.join)
        stack.callback(listening.shutdown, socket.SHUT_RDWR)
        yield Server(known, home)


def _serve(listening: socket.socket, key: Path) -> None:
    """A process for each connection, until the socket is shut."""
    processes = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection:
                command = ["/usr/sbin/dropbear", "-i", "-m", "-r", str(key)]
                ends = connection.fileno()
                processes.append(subprocess.Popen(command, stdin=ends, stdout=ends, stderr=subprocess.DEVNULL))
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "script",
    [
        "ssh far 'cat; echo error >&2; exit 7'",
        "ssh far 'kill -TERM $$'",
        "ssh far cat /etc/hostname /work/x /r/etc/hosts",
        "ssh -n far 'echo no input; cat'",
        "tar -cf - . | ssh far 'tar -tf -'",
        "ssh -o BatchMode=yes -i /no/such/key nobody@far true",
    ],
)
def test_ssh_runs_a_command_as_natively(inside: Environment, server: Server, script: str) -> None:
    server.know(inside.caller)
    inside.caller.write(inside.project / "file", "text\n")
    native = natively(inside, script, inside.project, b"input\n")
    assert from_inside(inside, script, inside.project, b"input\n") == native


def test_ssh_gets_the_hosts_name_of_a_file(inside: Environment, server: Server) -> None:
    """Its own arguments are mapped, the words for the other machine are not."""
    server.know(inside.caller)
    shutil.copy(server.home / "config", inside.project / "config")
    inside.caller.own(inside.project / "config")
    said = from_inside(inside, "ssh -F /work/config far echo /work/config /r/etc", inside.project)
    assert said.output == "/work/config /r/etc\n"


CTRL_C = "\x03"
UNTIL_INTERRUPTED = "trap 'echo interrupted; exit 3' INT; echo ready; while :; do sleep 0.1; done"
QUESTION = "(yes/no/[fingerprint])? "


@pytest.mark.parametrize(
    ("script", "answers"),
    [
        ("ssh -t far 'tty >/dev/null && stty size'", []),
        ("ssh -t far 'read line; echo got $line'", [("", "typed\n")]),
        (f"ssh -t far {quoted(UNTIL_INTERRUPTED)}", [("ready", CTRL_C)]),
        ("ssh far 'echo ready; sleep 1000'", [("ready", CTRL_C)]),
    ],
    ids=["size", "input", "interrupt-there", "interrupt-here"],
)  # fmt: skip
def test_ssh_on_a_terminal_is_as_natively(
    inside: Environment, server: Server, script: str, answers: Sequence[tuple[str, str]]
) -> None:
    server.know(inside.caller)
    native = talk(inside, "/bin/sh", script, inside.project, *answers)
    assert talk(inside, inside.bin / "sh", script, inside.project, *answers) == native


def test_ssh_asks_on_the_terminal(inside: Environment, server: Server) -> None:
    """About a server that it does not know, and for a password, which is not shown."""
    script = "ssh -o PubkeyAuthentication=no far 'echo there'"
    answers = [(QUESTION, "yes\n"), ("password: ", "wrong\n"), ("password: ", f"{PASSWORD}\n")]
    server.forget()
    native = talk(inside, "/bin/sh", script, inside.project, *answers)
    server.forget()
    shown = talk(inside, inside.bin / "sh", script, inside.project, *answers)
    assert shown == native
    assert "there\r\nstatus 0" in shown
    assert PASSWORD not in shown
    server.forget()
    refused = talk(inside, inside.bin / "sh", script, inside.project, (QUESTION, CTRL_C))
    assert "there" not in refused


# git


@pytest.fixture(params=["proj", "other"])
def repository(request: pytest.FixtureRequest, inside: Environment) -> Iterator[Path]:
    """With a commit and a change of many lines: in the mounted project, and below /r, where only the host can write."""
    path = inside.path.parent / str(request.param) / "repository"
    script = (
        "git init -q $0 && cd $0 && git config user.email a@example.org && git config user.name Host"
        " && seq 100 >file && git add file && git commit -qm first && seq 101 200 >file"
    )
    assert inside.caller.run("sh", "-ec", script, path).returncode == 0
    inside.caller.write(path / ".git/hooks/pre-commit", HOOK, 0o755)
    yield path
    shutil.rmtree(path)


def test_git_commits_with_hooks_and_the_users_editor(inside: Environment, repository: Path) -> None:
    script = "GIT_AUTHOR_NAME=Inside git commit -a && git --no-pager log --format=%an:%s"
    shown = talk(inside, inside.bin / "sh", script, repository, ("message? ", "from inside\n"))
    shown = re.sub(r"\[(\S+) \w+\]", r"[\1]", shown)
    assert f"{repository}\r\non the host\r\nInside\r\n" in shown
    assert "[master] from inside\r\n" in shown
    assert shown.endswith("Inside:from inside\r\nHost:first\r\nstatus 0\r\n")
    said = inside.caller.run("git", "log", "--format=%an:%s %cn", cwd=repository)
    assert said.output == "Inside:from inside Host\nHost:first Host\n"


def test_git_refuses_what_its_hook_refuses(inside: Environment, repository: Path) -> None:
    inside.caller.write(repository / ".git/hooks/pre-commit", "#!/bin/sh\necho no >&2; exit 5\n", 0o755)
    script = "git commit -qam second; echo $?"
    assert from_inside(inside, script, repository) == natively(inside, script, repository)


@pytest.mark.parametrize(
    "script", ["git diff", "git diff --stat", "git log --color=always", "git add nothing; git status"]
)
def test_git_says_the_same_as_natively(inside: Environment, repository: Path, script: str) -> None:
    assert from_inside(inside, script, repository) == natively(inside, script, repository)


def test_git_shows_a_diff_in_its_pager(inside: Environment, repository: Path) -> None:
    """On a terminal it waits at the end of the page for a key."""
    script = "git -c core.pager='less -M' diff"
    answers = [("lines 1-23", " "), ("lines 24-46", "q")]
    native = talk(inside, "/bin/sh", script, repository, *answers)
    assert talk(inside, inside.bin / "sh", script, repository, *answers) == native


# xdg-open


def test_file_and_url_are_opened_by_the_hosts_program(inside: Environment) -> None:
    opened = inside.caller.home / "opened"
    inside.caller.write(inside.project / "a b.html", "")
    urls = ["https://example.org/work/x?y=/work", "mailto:a@example.org"]
    script = quoted("xdg-open", "/work/a b.html") + "".join(f" && {quoted('xdg-open', url)}" for url in urls)
    assert from_inside(inside, script + " && cd /work && xdg-open ./'a b.html'", inside.project).output == ""
    assert opened.read_text().splitlines() == [f"{inside.project}/a b.html", *urls, "./a b.html"]
    opened.unlink()


def test_file_that_is_not_there_is_not_opened(inside: Environment) -> None:
    said = from_inside(inside, "xdg-open /work/none.html", inside.project)
    native = natively(inside, quoted("xdg-open", inside.project / "none.html"), inside.project)
    assert said == native
