"""What a new user does, in the order of the README, in a shell on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from integration.main_job.caller import Caller, quoted
from integration.main_job.traces import traces

HELLO_C = r"""
#include <stdio.h>
int main(void) { puts("hello from C"); return 7; }
"""


def test_the_first_session_of_a_user(caller: Caller, place: Path, debian: str) -> None:
    project, path = caller.mkdir(place / "proj"), place / "envs/a"
    caller.write(project / "hello.py", "import sys; print(sys.argv)\n")
    caller.write(project / "hello.c", HELLO_C)
    before = traces(caller, place)
    command = quoted(caller.executable)

    with caller.shell("bash", cwd=place) as shell:
        links = "--link /usr/bin/python3 --link cc:/usr/bin/gcc"
        shell.output(f"{command} create -b {quoted(debian)} {links} -d proj:rw envs/a")
        host_compiler = shell.output("command -v cc")
        shell.output("PS1='plain> '; source envs/a/bin/activate")
        assert shell.output("command -v python3 cc") == f"{path}/bin/python3\n{path}/bin/cc\n"
        arguments = """arg "two words" ''"""
        # What leads into a mount from outside of it is named in full: the container sees it elsewhere.
        seen = f"['{project}/hello.py', 'arg', 'two words', '']\n"
        assert shell.output(f"python3 proj/hello.py {arguments}") == seen
        assert shell.prompt == "(a) plain> "
        assert shell.output(f"cc -O2 -o {project}/hello {project}/hello.c") == ""
        assert shell.output("stat -c %U:%a proj/hello") == f"{caller.name}:755\n"
        assert shell.run("proj/hello") == (7, "hello from C\n")
        shell.output("deactivate")
        assert shell.output("command -v cc") == host_compiler
        assert shell.prompt == "plain> "

        assert shell.output("envs/a/bin/python3 -c 'print(1)'") == "1\n"
        assert "ID=debian" in shell.output(f"{command} exec -e envs/a -- cat /etc/os-release")
        assert "ID=debian" in shell.output("envs/a/bin/inenv cat /etc/os-release")

        shell.output(". envs/a/bin/activate")
        assert shell.output("cleanenv link /usr/bin/make && make -v").startswith("GNU Make")
        shell.output("cleanenv unlink make")
        scripts = "activate\nactivate.csh\nactivate.fish\nactivate.nu\nactivate.ps1\nactivate.xsh\n"
        assert shell.output("ls -1 envs/a/bin") == f"{scripts}cc\ncleanenv\ndestroy\ninenv\npython3\n"
        listed = json.loads(shell.output("cleanenv list --json"))
        assert {"path": str(path), "state": "running", "image": debian, "sessions": 1} in listed
        assert f"environment     {path}\n" in shell.output("cleanenv status")
        shell.output("deactivate")
        shell.output(f"{command} destroy envs/a")

    assert traces(caller, place) - before == {f"file {project}/hello", f"file {place}/envs"}
