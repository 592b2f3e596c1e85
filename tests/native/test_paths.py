"""What the launcher says about a call's paths, and what its caller can say: CLEANENV_TRACE and its like."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cleanenv.launch_table import dump_launch_table
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Operands, Profile
from tests.native.conftest import HostEnvironment

ECHO = Link("echo", "/bin/echo")
PROFILE = Profile(("echo",), operands=Operands.KEEP_FIRST, keep_options=("-k",))


@pytest.fixture
def here(environment: HostEnvironment, tmp_path: Path) -> Path:
    """A directory that the container calls /inside, and a file in it."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    mounts = [Mount(str(tmp_path), "/inside", writable=True), Mount("/", "/", writable=True)]
    table = dump_launch_table(str(environment.runtime), "/", mounts, [ECHO], python="/python", profiles=[PROFILE])
    (environment.runtime / "launch-table").write_bytes(table)
    environment.serve("echo")
    return tmp_path


def _echo(environment: HostEnvironment, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return environment.run("echo", *arguments, env={"PATH": "/bin", **variables}, cwd="/")


def test_a_trace_says_what_is_passed_why_and_what_existed(environment: HostEnvironment, here: Path) -> None:
    result = _echo(
        environment,
        "script",
        "-k",
        "/x",
        f"{here}/file",
        f"{here}/new\n",
        CLEANENV_TRACE="map",
        TMPDIR=str(here),
        LC_ALL="C",
    )
    assert result.stdout == b"script -k /x /inside/file " + os.fsencode(here) + b"/new\n\n"
    assert os.fsdecode(result.stderr).splitlines() == [
        "cleanenv: directory /   [M10 working directory]",
        "cleanenv: script   [O operand kept]",
        "cleanenv: -k   [A1 no path]",
        "cleanenv: /x   [O value of an option kept]",
        f"cleanenv: {here}/file -> /inside/file   [A2 C1 mount; {here}/file exists]",
        f"cleanenv: {here}/new?   [A2 C2 not plain; {here}/new? absent]",
        f"cleanenv: TMPDIR={here} -> /inside   [E C1 mount]",
    ]


def test_a_trace_alone_runs_nothing(environment: HostEnvironment, here: Path) -> None:
    result = _echo(environment, "x", f"{here}/link", CLEANENV_TRACE="only", GOROOT="/x")
    assert (result.returncode, result.stderr) == (0, b"")
    assert os.fsdecode(result.stdout).splitlines() == [
        "directory /   [M10 working directory]",
        "x   [O operand kept]",
        f"{here}/link -> /inside/file   [A2 C1 mount; {here}/link link, {here}/file exists]",
        "GOROOT=/x -> (not passed)   [E dropped]",
    ]


def test_a_trace_shows_what_the_container_answered(environment: HostEnvironment) -> None:
    mounts = [Mount("/", "/r", writable=False)]
    table = dump_launch_table(str(environment.runtime), "/", mounts, [Link("echo", "/bin/echo")], python="/python")
    (environment.runtime / "launch-table").write_bytes(table)
    environment.serve("echo")
    result = _echo(environment, "/usr/bin/env", CLEANENV_TRACE="only")
    assert os.fsdecode(result.stdout).splitlines()[1] == (
        "/usr/bin/env   [A2 C system class, container has it; "
        "/usr exists, /usr/bin exists, /usr/bin/env exists, in the container /usr/bin/env exists]"
    )


def test_a_trace_names_each_file_once(environment: HostEnvironment, here: Path) -> None:
    result = _echo(environment, "-", f"-I{here}/file:{here}/file/x:{here}/file", CLEANENV_TRACE="only")
    line = os.fsdecode(result.stdout).splitlines()[2]
    assert line.count(f"{here}/file exists") == 1, line


def test_arguments_can_be_kept_for_one_call(environment: HostEnvironment, here: Path) -> None:
    file = f"{here}/file"
    assert _echo(environment, "-", file, CLEANENV_ARGS="off").stdout.split() == [b"-", file.encode()]
    kept = _echo(environment, "-", file, f"--x={file}", f"--y={file}", CLEANENV_KEEP_ARG=f";--x=;;{here}/fi;")
    assert kept.stdout.split() == [b"-", file.encode(), f"--x={file}".encode(), b"--y=/inside/file"]
    for empty in ("", ";;"):
        assert _echo(environment, "-", file, CLEANENV_KEEP_ARG=empty).stdout == b"- /inside/file\n"


def test_a_variable_can_be_called_a_path_a_list_dropped_or_kept(environment: HostEnvironment, here: Path) -> None:
    mounts = (Mount(str(here), "/inside", writable=True), Mount("/", "/", writable=True))
    environment.link(Link("env", "/usr/bin/env"), mounts=mounts)
    variables = dict.fromkeys(("ONE", "MANY", "GONE", "PYTHONPATH", "OTHER"), f"{here}/file:{here}/new")
    rules = "ONE/p::MANY/l:GONE/x:PYTHONPATH/k:"
    result = environment.run("env", cwd="/", env={"CLEANENV_ENV": rules, **variables})
    found = dict(line.split("=", 1) for line in os.fsdecode(result.stdout).splitlines())
    assert {name: found.get(name) for name in variables} == {
        "ONE": f"/inside/file:{here}/new",
        "MANY": "/inside/file:/inside/new",
        "GONE": None,
        "PYTHONPATH": variables["PYTHONPATH"],
        "OTHER": variables["OTHER"],
    }


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CLEANENV_ARGS", "on", b"CLEANENV_ARGS=on: there is no such value\nhint: CLEANENV_ARGS=off PROGRAM"),
        ("CLEANENV_TRACE", "all", b"CLEANENV_TRACE=all: there is no such value\nhint: CLEANENV_TRACE=map PROGRAM"),
        ("CLEANENV_ENV", "A/p:B/q:C/p", b"CLEANENV_ENV: B/q: it is not NAME/p, /l, /x or /k\nhint: CLEANENV_ENV="),
        ("CLEANENV_ENV", "A", b"CLEANENV_ENV: A: it is not"),
        ("CLEANENV_ENV", "/p", b"CLEANENV_ENV: /p: it is not"),
        ("CLEANENV_ENV", "A/", b"CLEANENV_ENV: A/: it is not"),
        ("CLEANENV_ENV", "A/pp", b"CLEANENV_ENV: A/pp: it is not"),
    ],
)
def test_what_the_caller_cannot_say_is_refused(
    environment: HostEnvironment, here: Path, name: str, value: str, said: bytes
) -> None:
    del here
    result = _echo(environment, "x", **{name: value})
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.startswith(b"cleanenv: " + said)


def test_arguments_in_a_file_are_mapped_with_the_others(environment: HostEnvironment, here: Path) -> None:
    mounts = [Mount(str(here), "/inside", writable=True), Mount("/", "/", writable=True)]
    table = dump_launch_table(
        str(environment.runtime),
        "/",
        mounts,
        [ECHO],
        python="/python",
        profiles=[Profile(("echo",), response_files=True)],
    )
    (environment.runtime / "launch-table").write_bytes(table)
    (here / "inner").write_text(f"-L{here}\n\n")
    (here / 'it"s').touch()
    words = [f"-I{here}/file", f'"{here}/two words"', f"'{here}/it\"s'", f"{here}/back\\ slash", f"@{here}/inner", '""']
    (here / "outer").write_text("\t".join(words) + f" 'unclosed {here}/file")
    (here / "empty").touch()
    (here / "large").write_bytes(b"x" * 600_000)
    (here / "circle").write_text(f"{here}/file @{here}/circle")
    assert _echo(environment, "a", f"@{here}/outer", "z").stdout == (
        b'a -I/inside/file /inside/two words /inside/it"s /inside/back slash -L/inside  unclosed '
        + os.fsencode(here)
        + b"/file z\n"
    )
    assert _echo(environment, "a", f"@{here}/empty", "z").stdout == b"a z\n"
    for left in ("large", "none", "."):
        assert _echo(environment, f"@{here}/{left}").stdout == os.fsencode(f"@/inside/{left}\n")
    assert _echo(environment, f"@{here}/circle").stdout.split() == [b"/inside/file"] * 2000 + [b"@/inside/circle"]


def test_files_of_arguments_are_not_read_for_other_programs(environment: HostEnvironment, here: Path) -> None:
    (here / "outer").write_text(f"{here}/file")
    assert _echo(environment, "a", f"@{here}/outer").stdout == b"a @/inside/outer\n"


def test_the_launcher_is_small() -> None:
    launcher = Path(__file__).parents[2] / "cleanenv" / "native" / "launcher"
    assert launcher.stat().st_size < 64 * 1024
