"""Programs run as the user who calls them, and nobody else gets at an environment."""

from __future__ import annotations

import contextlib
import grp
import os
import subprocess
from pathlib import Path

import pytest

from integration.main_job.caller import Caller, Environment

NOBODY = 65534


def test_user_and_groups_are_the_callers(caller: Caller, tools: Environment) -> None:
    names = [grp.getgrgid(gid).gr_name for gid in (caller.gid, *caller.groups)]
    assert tools.run("inenv", "whoami").output == f"{caller.name}\n"
    assert tools.run("id", "-u").output == f"{caller.uid}\n"
    assert sorted(tools.run("id", "-G").output.split()) == sorted({str(g) for g in (caller.gid, *caller.groups)})
    assert sorted(tools.run("id", "-Gn").output.split()) == sorted(set(names))
    assert tools.run("id", "-gn").output.strip() == names[0]


def test_home_is_the_containers_own_and_writable(caller: Caller, tools: Environment) -> None:
    script = 'cd && echo "$HOME $PWD" ~ && echo text >.written && cat ~/.written && rm ~/.written'
    home = str(caller.home)
    assert tools.run("sh", "-c", script).output == f"{home} {home} {home}\ntext\n"
    assert not (caller.home / ".written").exists()


def test_files_of_the_compiler_belong_to_the_user(caller: Caller, tools: Environment) -> None:
    source = caller.write(tools.project / "answer.c", "int main(void) { return 42; }\n")
    program = tools.project / "answer"
    path = {**caller.variables, "PATH": f"{tools.bin}:{caller.variables['PATH']}"}
    assert caller.run("cc", "-O2", "-o", program, source, cwd=tools.project, variables=path).output == ""
    status = program.stat()
    assert (status.st_uid, status.st_gid, caller.run(program).returncode) == (caller.uid, caller.gid, 42)


def test_temporary_files_are_shared_with_the_host(caller: Caller, tools: Environment) -> None:
    made = Path(tools.run("inenv", "mktemp", "/tmp/cleanenv-test-XXXXXX").output.strip())
    assert made.stat().st_uid == caller.uid
    made.unlink()


def as_nobody(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd="/", user=NOBODY, group=NOBODY, extra_groups=()
    )


if os.geteuid() == 0:  # it takes root to become somebody else

    @pytest.mark.parametrize(
        "attempt",
        [
            ["ls", "{env}/bin"],
            ["{env}/bin/sh", "-c", "id"],
            ["cat", "{env}/bin/activate"],
            ["cat", "{env}/.cleanenv/state.json"],
            ["ls", "{runtime}"],
        ],
        ids=" ".join,
    )
    def test_nobody_else_gets_at_an_environment(tools: Environment, attempt: list[str]) -> None:
        command = [word.format(env=tools.path, runtime=tools.runtime) for word in attempt]
        with pytest.raises(PermissionError) if command[0].startswith("/") else contextlib.nullcontext():
            tried = as_nobody(command)
            assert (tried.returncode != 0, tried.stdout) == (True, ""), tried
            assert "Permission denied" in tried.stderr

    @pytest.mark.parametrize("name", ["agent/agent.sock", "control.sock"])
    def test_nobody_else_connects_to_an_environment(tools: Environment, name: str) -> None:
        kind = "SOCK_SEQPACKET" if "agent" in name else "SOCK_STREAM"
        connect = f"import socket, sys; socket.socket(socket.AF_UNIX, socket.{kind}).connect(sys.argv[1])"
        path = str(tools.runtime / name)
        assert tools.caller.run("/usr/bin/python3", "-c", connect, path).output == ""

        tried = as_nobody(["/usr/bin/python3", "-c", connect, path])

        assert tried.stderr.splitlines()[-1] == "PermissionError: [Errno 13] Permission denied"


def test_terminal_can_be_opened_by_its_name(caller: Caller, small: Environment) -> None:
    with caller.shell("bash") as shell:
        assert shell.output(f"{small.bin}/sh -c 'echo written > $(tty)'") == "written\n"
