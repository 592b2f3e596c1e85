"""What another user of the host can do to a running environment, and see of its calls: nothing."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from integration.main_job.caller import Argument, Environment, finish

NOBODY = 65534
SECRET = "not-for-other-users"  # noqa: S105 (of these tests only)


def test_nothing_of_an_environment_is_writable_for_others(small: Environment) -> None:
    assert small.run("sh", "-c", "exit 0").output == ""
    for top in (small.path, small.runtime):
        for directory, _, files in os.walk(top):
            for path in (Path(directory), *(Path(directory, name) for name in files)):
                status = path.lstat()
                assert stat.S_ISLNK(status.st_mode) or not status.st_mode & stat.S_IWOTH, path


def test_values_of_variables_are_in_no_log_and_no_command_line(small: Environment) -> None:
    caller = small.caller
    call: list[Argument] = [small.bin / "sh", "-c", "echo ready; read line"]
    process = caller.start(call, variables={**caller.variables, "TOKEN": SECRET}, stdin=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    lines = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    assert finish(process, b"\n").returncode == 0
    assert [line for line in lines if SECRET in line] == []
    kept = [path for path in (*small.runtime.iterdir(), *small.path.joinpath(".cleanenv").iterdir()) if path.is_file()]
    assert kept
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    log = subprocess.run(["docker", "logs", small.container], check=True, capture_output=True)
    assert SECRET.encode() not in log.stdout + log.stderr


if os.geteuid() == 0:  # it takes root to become somebody else

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
