"""The same two programs with their roles exchanged: the launcher is in the container, the agent on the host.

Here both sides are this host; what the mounts tell apart are the names of one directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cleanenv.launch_table import dump_host_table
from cleanenv.model.host_link import HostLink
from cleanenv.model.mount import Mount
from cleanenv.server.launcher import patch_launcher
from tests.native.conftest import NATIVE
from tests.native.packets import (
    EXISTS,
    EXITED,
    FAILED,
    GLOB,
    REQUEST,
    SPAWN,
    WATCH,
    header,
    kind_of,
    number_in,
    request,
    sealed,
    send,
)

STAGE_PERMISSION = 7
SANITIZER = {name: value for name, value in os.environ.items() if name == "ASAN_OPTIONS"}
SHOW = (
    "#!/usr/bin/python3\nimport json, os, sys\n"
    "print(json.dumps([sys.argv, os.getcwd(), dict(os.environ)], ensure_ascii=True))\n"
)


@dataclass(slots=True)
class Outward:
    """`inside` is what the container calls the host's directory `outside`; on this host it is a link to it."""

    runtime: Path
    inside: Path
    outside: Path
    agent: subprocess.Popen[bytes]
    lifeline: int

    def link(self, mounts: tuple[Mount, ...] = (), **programs: str) -> None:
        links = [HostLink(name, path) for name, path in programs.items()]
        mounts = mounts or (
            Mount("/", "/nowhere", writable=False),
            Mount(str(self.outside), str(self.inside), writable=True),
        )
        (self.runtime / "launch-table.new").write_bytes(dump_host_table(str(self.runtime), mounts, links))
        (self.runtime / "launch-table.new").rename(self.runtime / "launch-table")
        launcher = NATIVE / "launcher"
        for link in links:
            path = self.runtime / "bin" / link.name
            path.write_bytes(patch_launcher(launcher.read_bytes(), str(self.runtime), str(launcher)))
            path.chmod(0o755)

    def run(self, name: str, *arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
        options.setdefault("cwd", self.inside)
        command = [str(self.runtime / "bin" / name), *arguments]
        return subprocess.run(command, capture_output=True, timeout=30, check=False, **options)  # type: ignore[call-overload, no-any-return]

    def shown(self, *arguments: str, **options: object) -> tuple[list[str], str, dict[str, str]]:
        result = self.run("show", *arguments, **options)
        assert (result.returncode, result.stderr) == (0, b"")
        argv, directory, variables = json.loads(result.stdout)
        return argv, directory, variables

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.settimeout(10)
            connection.connect(str(self.runtime / "agent/agent.sock"))
        except BaseException:
            connection.close()
            raise
        return connection

    def answer(self, content: bytes, *descriptors: int) -> bytes:
        """What a SPAWN with this request is answered."""
        file = sealed(content)
        try:
            with self.connect() as connection:
                send(connection, header(SPAWN) + struct.pack("=II", len(descriptors), 0), file, *descriptors)
                return connection.recv(256)
        finally:
            os.close(file)

    def end(self) -> int:
        """Close the lifeline. The agent's exit status."""
        os.close(self.lifeline)
        self.lifeline = -1
        return self.agent.wait(20)


@contextlib.contextmanager
def outward(variables: Mapping[str, str] | None = None, *, owner: int | None = None) -> Iterator[Outward]:
    """`variables` are those of the host's user."""
    runtime = Path(tempfile.mkdtemp(prefix="cleanenv-"))
    for name in ("bin", "agent", "outside"):
        (runtime / name).mkdir()
    (runtime / "inside").mkdir()
    # The physical directory has the container's name, as it would have there.
    inside = runtime / "inside"
    outside = runtime / "outside"
    outside.rmdir()
    outside.symlink_to(inside)
    lifeline, held = os.pipe2(os.O_CLOEXEC)
    agent = subprocess.Popen(
        [
            NATIVE / "agent", "--socket", "agent.sock", "--owner", str(os.getuid() if owner is None else owner),
            "--programs", runtime / "launch-table", "--lifeline", str(lifeline),
        ],
        cwd=runtime / "agent",
        env={"PATH": "/usr/bin:/bin", "HOME": "/home/host", **SANITIZER, **(variables or {})},
        pass_fds=(lifeline,),
    )  # fmt: skip
    os.close(lifeline)
    here = Outward(runtime, inside, outside, agent, held)
    (runtime / "show").write_text(SHOW)
    (runtime / "show").chmod(0o755)
    here.link(show=f"{runtime}/show", sh="/bin/sh", cat="/bin/cat", sleep="/bin/sleep")
    try:
        while True:
            assert agent.poll() is None
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError), here.connect():
                break
            os.sched_yield()
        yield here
    finally:
        agent.kill()
        agent.wait()
        if here.lifeline >= 0:
            os.close(here.lifeline)
        shutil.rmtree(runtime)


@pytest.fixture(scope="module")
def shared() -> Iterator[Outward]:
    with outward({"EDITOR": "/usr/bin/host-editor", "LANG": "C.UTF-8"}) as here:
        yield here


def test_arguments_are_the_hosts(shared: Outward) -> None:
    (shared.inside / "file").touch()
    inside, outside = str(shared.inside), str(shared.outside)
    argv, _, _ = shared.shown(
        f"{inside}/file",
        f"--x={inside}/new",
        f"-I{inside}",
        f"{inside}/file:3:4",
        "file",
        "/nowhere/etc/hosts",
        "/c",
        "",
    )
    assert argv[1:] == [
        f"{outside}/file", f"--x={outside}/new", f"-I{outside}", f"{outside}/file:3:4", "file", "/etc/hosts", "/c", ""
    ]  # fmt: skip


def test_directory_is_the_hosts(shared: Outward) -> None:
    (shared.inside / "sub").mkdir(exist_ok=True)
    _, _, variables = shared.shown(cwd=shared.inside / "sub")
    assert variables["PWD"] == f"{shared.outside}/sub"


def test_directory_that_the_host_does_not_have_is_an_error(shared: Outward) -> None:
    result = shared.run("show", cwd="/usr")
    assert result.returncode == 125
    assert result.stderr.startswith(b"cleanenv: /usr: the host has no such directory: no mount shows it\nhint: ")


def test_what_only_the_container_has_is_passed_with_one_warning(shared: Outward) -> None:
    result = shared.run("show", "/usr/lib", "/usr/bin", "/dev/null", "/api/v1")
    assert json.loads(result.stdout)[0][1:] == ["/usr/lib", "/usr/bin", "/dev/null", "/api/v1"]
    assert result.stderr == b"cleanenv: /usr/lib: it is the container's own, no mount shows it; passed as it is\n"


def test_variables_are_the_hosts_but_for_what_is_mere_data(shared: Outward) -> None:
    inside = {
        "PATH": "/evil", "LD_LIBRARY_PATH": "/evil", "EDITOR": "/evil", "GIT_SSH_COMMAND": "/evil", "BASH_ENV": "/evil",
        "LC_ALL": "../../evil", "TERM": "xterm", "LANG": "de_DE.UTF-8", "LC_TIME": "C", "GIT_AUTHOR_NAME": "Ann / Bob",
        "OTHER": "x",
    }  # fmt: skip
    _, _, variables = shared.shown(env={**inside, **SANITIZER})
    for name in ("LC_CTYPE", *SANITIZER):  # Python's own, and the test's
        variables.pop(name, None)
    assert variables == {
        "PATH": "/usr/bin:/bin", "HOME": "/home/host", "EDITOR": "/usr/bin/host-editor", "TERM": "xterm",
        "LANG": "de_DE.UTF-8", "LC_TIME": "C", "GIT_AUTHOR_NAME": "Ann / Bob", "PWD": str(shared.outside),
    }  # fmt: skip


def test_what_it_writes_is_not_changed(shared: Outward) -> None:
    """CLEANENV_TEXT is of the call from the host that has led here, and goes along with its variables."""
    inside = str(shared.inside)
    result = shared.run("cat", input=inside.encode(), env={**os.environ, "CLEANENV_TEXT": "both"})
    assert result.stdout == inside.encode()


@pytest.mark.parametrize("code", [0, 1, 125, 127, 255])
def test_exit_code_is_exact(shared: Outward, code: int) -> None:
    assert shared.run("sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE])
def test_death_by_signal_is_the_same_death(shared: Outward, number: int) -> None:
    assert shared.run("sh", "-c", f"ulimit -c 0; kill -{number} $$").returncode == -number


def test_signal_goes_to_the_hosts_program(shared: Outward) -> None:
    script = "trap 'echo got it; exit 3' USR1; echo up; while :; do sleep 0.01; done"
    command = [str(shared.runtime / "bin/sh"), "-c", script]
    with subprocess.Popen(command, cwd=shared.inside, stdout=subprocess.PIPE) as call:
        assert call.stdout is not None
        assert call.stdout.readline() == b"up\n"
        call.send_signal(signal.SIGUSR1)
        assert call.stdout.read() == b"got it\n"
        assert call.wait(10) == 3


def test_descriptors_are_the_callers(shared: Outward) -> None:
    data = os.urandom(1 << 20)
    assert shared.run("cat", input=data).stdout == data
    reader, writer = os.pipe()
    shared.run("sh", "-c", f"echo through >/proc/self/fd/{writer}", pass_fds=(writer,))
    os.close(writer)
    with open(reader, "rb") as output:
        assert output.read() == b"through\n"


def test_killed_launcher_takes_its_program_along(shared: Outward) -> None:
    reader, writer = os.pipe()
    script = "trap 'echo hup; exit' HUP; echo up; while :; do sleep 0.01; done"
    call = subprocess.Popen([str(shared.runtime / "bin/sh"), "-c", script], cwd=shared.inside, stdout=writer)
    os.close(writer)
    with open(reader, "rb") as output:
        assert output.readline() == b"up\n"
        call.kill()
        call.wait()
        assert output.read() == b"hup\n"


def test_program_cannot_gain_privileges(shared: Outward) -> None:
    status = shared.run("cat", "/nowhere/proc/self/status").stdout
    assert b"NoNewPrivs:\t1\n" in status


def test_own_name_of_the_program_is_that_of_its_file(shared: Outward) -> None:
    """Whoever may call one of busybox' programs may not choose another one by argv[0]."""
    shared.link(applet=f"{shared.runtime}/show", show=f"{shared.runtime}/show", sh="/bin/sh", cat="/bin/cat")
    reader, writer = os.pipe()
    answers = []
    for argument in (b"evil", b"/bin/evil"):
        content = request(b"sh", argument, b"-c", b"cat /proc/$$/cmdline >&3", b"/", descriptors=1, counts=(1, 3, 0))
        content = content[: REQUEST.size] + struct.pack("=i", 3) + content[REQUEST.size :]
        content = content[:8] + struct.pack("=Q", len(content)) + content[16:]
        answers.append(shared.answer(content, writer))
    os.close(writer)
    with open(reader, "rb") as output:
        assert [line.split(b"\0")[0] for line in output.read().split(b"cat /proc/$$/cmdline >&3\0")][:2] == [
            b"sh",
            b"/bin/sh",
        ]
    assert [kind_of(answer) for answer in answers] == [EXITED, EXITED]


def test_link_that_was_taken_out_is_refused_at_once(shared: Outward) -> None:
    shared.link(show=f"{shared.runtime}/show", sh="/bin/sh", sleep="/bin/sleep")
    result = shared.run("cat")
    assert result.returncode == 127
    assert result.stderr == b"cleanenv: cat: it is not linked any more\nhint: on the host: cleanenv link --host cat\n"
    assert shared.answer(request(b"cat", b"cat", b"/"))[8:12] == struct.pack("=I", STAGE_PERMISSION)
    shared.link(show=f"{shared.runtime}/show", sh="/bin/sh", cat="/bin/cat", sleep="/bin/sleep")
    assert shared.run("cat", input=b"x").stdout == b"x"


def test_program_that_is_gone_is_127(shared: Outward) -> None:
    shared.link(gone="/no/such", show=f"{shared.runtime}/show", sh="/bin/sh", cat="/bin/cat", sleep="/bin/sleep")
    result = shared.run("gone")
    assert (result.returncode, result.stderr) == (127, b"cleanenv: gone: the host has no /no/such\n")


@pytest.mark.parametrize(
    "name",
    [b"true", b"/bin/sh", b"/bin/true", b"s*", b"", b"s[h]", b"\\sh", b"./sh", b"sh/", b"inenv", b".hook", b"~/sh"],
)
def test_what_is_not_linked_is_refused_to_whoever_asks(shared: Outward, name: bytes) -> None:
    answer = shared.answer(request(name, b"sh", b"-c", b"exit 9", b"/", counts=(1, 3, 0)))
    assert kind_of(answer) == FAILED
    assert answer[8:12] == struct.pack("=I", STAGE_PERMISSION)


def test_only_the_first_candidate_counts(shared: Outward) -> None:
    answer = shared.answer(request(b"sh", b"/bin/false", b"sh", b"-c", b"exit 9", b"/", counts=(2, 3, 0)))
    assert (kind_of(answer), number_in(answer)) == (EXITED, 9 << 8)
    assert kind_of(shared.answer(request(b"x", b"sh", b"sh", b"/", counts=(2, 1, 0)))) == FAILED


@pytest.mark.parametrize("directory", [b"", b".", b"agent.sock"])
def test_directory_is_absolute(shared: Outward, directory: bytes) -> None:
    assert shared.answer(request(b"sh", b"sh", directory))[8:12] == struct.pack("=I", STAGE_PERMISSION)


@pytest.mark.parametrize("flags", [os.O_RDONLY | os.O_DIRECTORY, os.O_PATH], ids=["directory", "O_PATH"])
def test_open_directory_is_refused(shared: Outward, flags: int) -> None:
    descriptor = os.open("/usr", flags)
    content = request(b"sh", b"sh", b"/", descriptors=1)
    content = content[: REQUEST.size] + struct.pack("=i", 0) + content[REQUEST.size :]
    content = content[:8] + struct.pack("=Q", len(content)) + content[16:]
    assert shared.answer(content, descriptor)[8:12] == struct.pack("=I", STAGE_PERMISSION)
    os.close(descriptor)


@pytest.mark.parametrize("kind", [EXISTS, GLOB, WATCH])
def test_questions_about_the_host_are_not_answered(shared: Outward, kind: int) -> None:
    descriptor = sealed(b"/etc/passwd\0")
    with shared.connect() as connection:
        send(connection, header(kind), descriptor)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(256) == b""
    os.close(descriptor)


@pytest.mark.parametrize(
    "packet", [b"x", header(SPAWN), header(SPAWN) + struct.pack("=II", 0, 4) + b"four", b"\0" * 256]
)
def test_malformed_bytes_cost_their_connection_only(shared: Outward, packet: bytes) -> None:
    with shared.connect() as connection:
        send(connection, packet)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(256)[8:12] in (b"", struct.pack("=I", 1))
    assert shared.run("sh", "-c", "exit 7").returncode == 7


def test_nobody_but_the_owner_is_served() -> None:
    """Not even root, which the container's root looks like."""
    with outward(owner=os.getuid() + 1) as here:
        file = sealed(request(b"sh", b"sh", b"/"))
        with here.connect() as connection, contextlib.suppress(ConnectionResetError, BrokenPipeError):
            send(connection, header(SPAWN) + struct.pack("=II", 0, 0), file)
            assert connection.recv(256) == b""
        os.close(file)


def test_end_of_the_lifeline_ends_programs_and_agent() -> None:
    with outward() as here:
        reader, writer = os.pipe()
        script = "trap 'echo hup; exit' HUP; echo up; while :; do sleep 0.01; done"
        command = [str(here.runtime / "bin/sh"), "-c", script]
        with subprocess.Popen(command, cwd=here.inside, stdout=writer, stderr=subprocess.PIPE) as call:
            os.close(writer)
            with open(reader, "rb") as output:
                assert output.readline() == b"up\n"
                assert here.end() == 0
                assert output.read() == b"hup\n"
            assert call.wait(10) == 125
            assert call.stderr is not None
            said = call.stderr.read().replace(b"Hangup\n", b"")  # the shell, of its sleep
            assert said == b"cleanenv: sh: the host has ended it: no shell and no call is in the environment\n"


def test_without_an_agent_and_a_server_it_says_so() -> None:
    with outward() as here:
        here.end()
        result = here.run("sh")
        assert result.returncode == 125
        assert result.stderr.startswith(b"cleanenv: environment: its server on the host is gone\nhint: on the host: ")


@pytest.mark.parametrize(
    "options",
    [
        ("--programs", "relative"),
        ("--lifeline", "2", "--programs", "/t"),
        ("--lifeline", "x", "--programs", "/t"),
        ("--programs",),
    ],
)
def test_agent_refuses_bad_options(tmp_path: Path, options: tuple[str, ...]) -> None:
    command: list[str | Path] = [NATIVE / "agent", "--socket", tmp_path / "s", "--owner", "1", *options]
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 2
