"""What another user of the host can do to a running environment, and see of its calls: nothing."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from integration.main_job.caller import Argument, Caller, Environment, finish
from integration.main_job.conftest import Create
from integration.main_job.images import docker
from integration.main_job.traces import servers

NOBODY = 65534
SECRET = "not-for-other-users"  # noqa: S105 (of these tests only)


def test_nothing_of_an_environment_is_writable_for_others(small: Environment) -> None:
    assert small.run("sh", "-c", "exit 0").output == ""
    for top in (small.path, small.runtime):
        for directory, _, files in os.walk(top):
            for path in (Path(directory), *(Path(directory, name) for name in files)):
                status = path.lstat()
                assert stat.S_ISLNK(status.st_mode) or not status.st_mode & stat.S_IWOTH, path


def test_a_program_inside_reaches_neither_the_launch_table_nor_the_server(small: Environment) -> None:
    assert small.runtime.joinpath("control.sock").is_socket()
    for shown_at in ("", "/r"):
        seen = small.run("inenv", "sh", "-c", 'ls -A "$0"; mkdir "$0/x" 2>&1', f"{shown_at}{small.runtime.parent}")
        assert seen.returncode == 1
        assert small.runtime.name not in seen.stdout + seen.stderr


def test_values_of_variables_are_in_no_log_and_no_command_line(small: Environment) -> None:
    caller = small.caller
    call: list[Argument] = [small.bin / "sh", "-c", "echo ready; read line"]
    process = caller.start(call, variables={**caller.variables, "TOKEN": SECRET}, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    lines = command_lines()
    assert finish(process, b"\n").returncode == 0
    assert [line for line in lines if SECRET in line] == []
    kept = [path for path in (*small.runtime.iterdir(), *small.path.joinpath(".cleanenv").iterdir()) if path.is_file()]
    assert kept
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    log = subprocess.run(["docker", "logs", small.container], check=True, capture_output=True)
    assert SECRET.encode() not in log.stdout + log.stderr


def command_lines() -> list[str]:
    """What everybody can see of all processes."""
    return [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]


def test_variable_of_one_call_is_in_no_command_line(small: Environment) -> None:
    caller = small.caller
    call: list[Argument] = [caller.executable, "exec", "-e", small.path, "--env", "TOKEN", "--", "sh", "-c"]
    script = 'echo "$TOKEN"; read line'
    variables = {**caller.variables, "TOKEN": SECRET}
    process = caller.start([*call, script], variables=variables, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == f"{SECRET}\n".encode()
    lines = command_lines()
    assert finish(process, b"\n").returncode == 0
    assert [line for line in lines if SECRET in line] == []
    assert [line for line in lines if line.endswith(script)]


def test_variable_of_an_environment_is_in_its_configuration_and_nowhere_else(create: Create) -> None:
    with_secret = create("--env", f"TOKEN={SECRET}", "--on-activate", "echo up", "--link=/bin/sh")
    process = with_secret.caller.start(
        [with_secret.bin / "sh", "-c", 'echo "$TOKEN"; read line'], stdin=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == f"{SECRET}\n".encode()
    lines = command_lines()
    assert finish(process, b"\n").returncode == 0
    assert [line for line in lines if SECRET in line] == []
    files = [with_secret.path / "cleanenv.conf"]
    for place in (with_secret.path / ".cleanenv", with_secret.runtime):
        files += [Path(directory, name) for directory, _, names in os.walk(place) for name in names]
    holding = [path for path in files if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holding == [with_secret.path / "cleanenv.conf"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600
    assert SECRET not in docker("logs", with_secret.container)


def test_nothing_that_is_made_in_the_container_or_kept_of_the_user_is_writable_for_others(
    create: Create, caller: Caller
) -> None:
    environment = create("--sudo", "--link=/bin/sh")
    script = (
        f"find /etc {caller.home} /.cleanenv ! -type l -perm -2; stat -c '%a %u' /etc/passwd /etc/sudoers.d/cleanenv"
    )
    assert environment.run("sh", "-c", script).output == "644 0\n440 0\n"
    for top in (caller.state, caller.runtime):
        found = caller.run("find", top, "!", "-type", "l", "-perm", "/022")
        assert found.output == ""


if os.geteuid() == 0:  # it takes root to become somebody else

    def test_nobody_else_signals_the_server(small: Environment) -> None:
        assert small.run("sh", "-c", "exit 0").output == ""
        (server,) = servers(small.path)
        tried = as_nobody("/bin/kill", "-KILL", str(server.pid))
        assert (tried.returncode != 0, "not permitted" in tried.stderr) == (True, True)
        assert server.is_running()

    def test_server_refuses_others_that_reach_its_socket(small: Environment) -> None:
        path = small.runtime / "control.sock"
        mode = stat.S_IMODE(path.stat().st_mode)
        talk = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.settimeout(20)\n"
            "s.connect(sys.argv[1]); print(s.recv(4096))"
        )
        leaked = os.open(path, os.O_PATH)
        path.chmod(0o777)
        try:
            tried = as_nobody("/usr/bin/python3", "-c", talk, f"/proc/self/fd/{leaked}", pass_fds=(leaked,))
        finally:
            path.chmod(mode)
            os.close(leaked)
        assert tried.stderr == ""
        assert "user 65534 is not the owner of this environment" in tried.stdout
        assert small.run("sh", "-c", "echo alive").output == "alive\n"

    def as_nobody(*command: str, pass_fds: Sequence[int] = ()) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            user=NOBODY,
            group=NOBODY,
            extra_groups=(),
            pass_fds=pass_fds,
        )

    def test_nobody_else_signals_a_call(small: Environment) -> None:
        process = small.caller.start([small.bin / "sh", "-c", "echo ready; read line"], stdin=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        tried = as_nobody("/bin/kill", "-KILL", str(process.pid))
        assert finish(process, b"\n").returncode == 0
        assert tried.returncode != 0
        assert "not permitted" in tried.stderr

    def test_agent_refuses_others_that_reach_its_socket(small: Environment) -> None:
        assert small.run("sh", "-c", "exit 0").output == ""
        path = small.runtime / "agent/agent.sock"
        mode = stat.S_IMODE(path.stat().st_mode)
        talk = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(20)\n"
            "s.connect(sys.argv[1])\n"
            "try: print(s.recv(4096))\n"
            "except ConnectionResetError: print(b'')"
        )
        leaked = os.open(path, os.O_PATH)  # leads past the directories that only the owner may enter
        path.chmod(0o777)
        try:
            tried = as_nobody("/usr/bin/python3", "-c", talk, f"/proc/self/fd/{leaked}", pass_fds=(leaked,))
        finally:
            path.chmod(mode)
            os.close(leaked)
        assert (tried.stdout, tried.stderr) == ("b''\n", "")
        assert small.run("sh", "-c", "echo alive").output == "alive\n"
