"""What a program inherits: descriptors, arguments, variables, working directory, limits."""

from __future__ import annotations

import ast
import contextlib
import os
import resource
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from cleanenv.model.link import Link
from tests.native.conftest import HostEnvironment


def test_argument_bytes_are_lossless(environment: HostEnvironment) -> None:
    arguments = [b"", b"two words", b"\xff\xfe", b"a\nb", b"'\"$x`", b"--", b"=", b"\xc3\xa9" * 10]
    script = "import os, sys; os.write(1, b'\\0'.join(os.fsencode(a) for a in sys.argv[1:]))"
    assert environment.run("python3", "-c", script, *arguments).stdout.split(b"\0") == arguments


def test_two_megabytes_of_arguments(environment: HostEnvironment) -> None:
    # Each at most 128 KiB (MAX_ARG_STRLEN), together a quarter of the stack limit (execve(2)).
    arguments = [b"x" * 100_000] * 20
    script = "import sys; print(sum(map(len, sys.argv[1:])))"

    def more_stack() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (32 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    assert environment.run("python3", "-c", script, *arguments, preexec_fn=more_stack).stdout == b"2000000\n"


def test_argv0_is_the_callers(environment: HostEnvironment) -> None:
    shell = environment.bin / "sh"
    result = subprocess.run(["other-name", "-c", "echo $0"], executable=shell, capture_output=True, check=True)
    assert result.stdout == b"other-name\n"


def test_path_of_the_live_directory_in_argv0_becomes_that_of_the_program(environment: HostEnvironment) -> None:
    """Compilers and interpreters look for their parts beside it; one with many names still sees which was called."""
    environment.link(Link("python3", "/usr/bin/python3"), Link("shell", "/bin/sh"))
    assert environment.run("python3", "-c", "import sys; print(sys.executable)").stdout == b"/usr/bin/python3\n"
    assert environment.run("shell", "-c", "echo $0").stdout == b"/bin/shell\n"
    relative = subprocess.run(["bin/shell", "-c", "echo $0"], cwd=environment.runtime, capture_output=True, check=True)
    assert relative.stdout == b"/bin/shell\n"


def test_program_is_known_through_a_symbolic_link(environment: HostEnvironment, tmp_path: Path) -> None:
    link = tmp_path / "alias"
    link.symlink_to(environment.bin / "pwd")
    assert subprocess.run([link], capture_output=True, check=True, cwd="/usr").stdout == b"/usr\n"


def test_variables_pass_losslessly_and_the_containers_own_are_set(environment: HostEnvironment) -> None:
    given = {
        b"A": b"",
        b"B": b"x=y=z",
        b"C": b"\xff\n",
        b"PATH": b"/nowhere",
        b"HOME": b"/no",
        b"LD_PRELOAD": b"/x",
    }
    output = environment.run("env", "-0", env=given, cwd="/usr").stdout
    seen = dict(line.split(b"=", 1) for line in output.split(b"\0") if line)
    assert {name: seen.get(name) for name in (b"A", b"B", b"C", b"PWD", b"USER", b"LOGNAME", b"LD_PRELOAD")} == {
        b"A": b"",
        b"B": b"x=y=z",
        b"C": b"\xff\n",
        b"PWD": b"/usr",
        b"USER": b"tester",
        b"LOGNAME": b"tester",
        b"LD_PRELOAD": None,
    }
    assert seen[b"PATH"] != b"/nowhere"
    assert seen[b"HOME"] == os.fsencode(os.path.expanduser("~"))


CALLERS = {"THEME": "dark", "AB_ONE": "1", "AB_THREE": "3", "TOKEN": "secret", "LD_PRELOAD": "", "GOROOT": "/go"}


@pytest.mark.parametrize(
    ("deny", "allow", "passing"),
    [
        ((), (), {"THEME", "AB_ONE", "AB_THREE", "TOKEN"}),
        (("TOKEN",), (), {"THEME", "AB_ONE", "AB_THREE"}),
        (("AB_*", "T*"), (), set()),
        ((), ("AB_?????", "THEME", "ABSENT"), {"AB_THREE", "THEME"}),
        # A pattern is no word for what is dropped by default, a name is.
        ((), ("*",), {"THEME", "AB_ONE", "AB_THREE", "TOKEN"}),
        ((), ("*", "LD_PRELOAD", "GOROOT"), set(CALLERS)),
        (("AB_*", "GOROOT"), ("AB_ONE", "GOROOT", "TOKEN"), {"TOKEN"}),
    ],
)
def test_configuration_decides_which_variables_are_handed_on(
    environment: HostEnvironment, deny: tuple[str, ...], allow: tuple[str, ...], passing: set[str]
) -> None:
    environment.link(Link("env", "/usr/bin/env"), deny=deny, allow=allow)
    output = environment.run("env", env=CALLERS, cwd="/usr").stdout.decode()
    seen = dict(line.split("=", 1) for line in output.splitlines())
    assert {name: seen[name] for name in seen if name in CALLERS} == {name: CALLERS[name] for name in passing}
    # What cleanenv sets itself is no caller's.
    assert (seen["PWD"], seen["USER"], "PATH" in seen) == ("/usr", "tester", True)


def test_variables_before_the_program_of_inenv_are_its_own(environment: HostEnvironment) -> None:
    """As env(1) has it; they are the program's as they are, whatever is said of those of the caller."""
    environment.link(Link("env", "/usr/bin/env"), deny=("TOKEN",))
    given = ("TOKEN=a=b", "EMPTY=", "LD_LIBRARY_PATH=/etc", "HOME=/x", "PWD=/y", "PATH=/bin", "TOKEN=last")
    output = environment.run("inenv", *given, "env", env={"TOKEN": "callers"}, cwd="/usr").stdout.decode()
    lines = output.splitlines()
    assert {line for line in lines if line.split("=")[0] in {word.split("=")[0] for word in given}} == {
        "TOKEN=last",
        "EMPTY=",
        "LD_LIBRARY_PATH=/etc",
        "HOME=/x",
        "PWD=/y",
        "PATH=/bin",
    }
    assert len(lines) == len({line.split("=")[0] for line in lines})


def test_inenv_is_told_to_hand_a_variable_on_without_its_value(environment: HostEnvironment) -> None:
    environment.link(Link("env", "/usr/bin/env"), deny=("*",))
    given = {"TOKEN": "a=b", "TOKENS": "no", "LD_LIBRARY_PATH": "/etc", "EMPTY": ""}
    words = ("--env=TOKEN", "--env=LD_LIBRARY_PATH", "--env=EMPTY")
    lines = environment.run("inenv", *words, "env", env=given).stdout.decode().splitlines()
    assert {line for line in lines if line.split("=")[0] in given} == {"TOKEN=a=b", "LD_LIBRARY_PATH=/etc", "EMPTY="}

    missing = environment.run("inenv", "--env=TOK", "env", env=given)
    assert (missing.returncode, missing.stderr.splitlines()[0]) == (2, b"cleanenv: --env=TOK: it is not set here")


def test_path_with_an_equals_sign_is_a_program(environment: HostEnvironment, tmp_path: Path) -> None:
    program = tmp_path / "a=b"
    program.symlink_to("/bin/echo")
    assert environment.run("inenv", str(program), "c=d").stdout == b"c=d\n"


def test_standard_streams_are_the_callers_own(environment: HostEnvironment, tmp_path: Path) -> None:
    names = ("in", "out", "err")
    script = "import os; [os.write(2, b'%d ' % os.fstat(number).st_ino) for number in (0, 1, 2)]"
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(open(tmp_path / name, "wb+")) for name in names]
        environment.run("python3", "-c", script, stdin=files[0], stdout=files[1], stderr=files[2])
    seen = [int(number) for number in (tmp_path / "err").read_bytes().split()]
    assert seen == [(tmp_path / name).stat().st_ino for name in names]


def test_every_inheritable_descriptor_keeps_its_number(environment: HostEnvironment) -> None:
    reader, writer = os.pipe()
    one, other = socket.socketpair()
    with one, other, open(reader, "rb") as output:
        high = 300
        os.dup2(writer, high, inheritable=True)
        script = (
            "import os\n"
            "listed = [fd for fd in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + fd)]\n"
            f"os.write({high}, ' '.join(listed).encode())"
        )
        environment.run("python3", "-c", script, pass_fds=(high, one.fileno()))
        os.close(high)
        os.close(writer)
        assert {int(number) for number in output.read().split()} == {0, 1, 2, high, one.fileno()}


def test_more_descriptors_than_one_packet_holds(environment: HostEnvironment) -> None:
    reader, writer = os.pipe()
    copies = [os.dup(writer) for _ in range(600)]
    os.close(writer)
    try:
        script = f"import os\nfor fd in {copies}: os.write(fd, b'x')"
        assert environment.run("python3", "-c", script, pass_fds=copies).returncode == 0
    finally:
        for copy in copies:
            os.close(copy)
    with open(reader, "rb") as output:
        assert output.read() == b"x" * 600


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_standard_descriptors_stay_closed(environment: HostEnvironment, closed: tuple[int, ...]) -> None:
    reader, writer = os.pipe()
    script = (
        "import os; present = [b'%d' % n for n in (0, 1, 2) if os.path.exists(f'/proc/self/fd/{n}')];"
        f"os.write({writer}, b' '.join(present))"
    )

    def close() -> None:
        for number in closed:
            os.close(number)

    # -S -E: Python opens nothing of its own before the script that could take a free number.
    environment.run("python3", "-S", "-E", "-c", script, pass_fds=(writer,), preexec_fn=close, stdout=None, stderr=None)
    os.close(writer)
    with open(reader, "rb") as output:
        assert output.read().split() == [b"%d" % number for number in (0, 1, 2) if number not in closed]


def test_directory_descriptors_are_not_handed_on(environment: HostEnvironment) -> None:
    directory = os.open("/", os.O_RDONLY)
    try:
        script = f"import os; print(os.path.exists('/proc/self/fd/{directory}'))"
        assert environment.run("python3", "-c", script, pass_fds=(directory,)).stdout == b"False\n"
    finally:
        os.close(directory)


def test_flags_of_shared_files_are_untouched(environment: HostEnvironment) -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    try:
        environment.run("true", stdout=writer)
        assert not os.get_blocking(writer)
    finally:
        os.close(reader)
        os.close(writer)


def test_umask_niceness_and_limits_follow_the_caller(environment: HostEnvironment, tmp_path: Path) -> None:
    def set_up() -> None:
        os.umask(0o027)
        os.nice(5)
        resource.setrlimit(resource.RLIMIT_NOFILE, (99, 200))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    script = (
        "import os, resource, sys; os.close(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY, 0o777));"
        "print(os.nice(0), resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_FSIZE))"
    )
    output = environment.run("python3", "-c", script, str(tmp_path / "file"), preexec_fn=set_up).stdout
    assert output == b"5 (99, 200) (1048576, 1048576)\n"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o750


def test_processors_are_those_of_the_caller(environment: HostEnvironment) -> None:
    one = max(os.sched_getaffinity(0))
    result = environment.run(
        "python3", "-c", "import os; print(os.sched_getaffinity(0))", preexec_fn=lambda: os.sched_setaffinity(0, {one})
    )
    assert result.stdout == b"{%d}\n" % one
    assert ast.literal_eval(
        environment.run("python3", "-c", "import os; print(os.sched_getaffinity(0))").stdout.decode()
    ) == os.sched_getaffinity(0)


def test_deleted_working_directory_is_a_clear_error(environment: HostEnvironment, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def enter() -> None:
        os.chdir(gone)
        gone.rmdir()

    result = environment.run("true", preexec_fn=enter)
    assert result.returncode == 125
    assert result.stderr == (
        b"cleanenv: working directory: No such file or directory\nhint: cd to a directory that exists\n"
    )


def test_inenv_takes_its_program_from_the_containers_path(environment: HostEnvironment) -> None:
    assert environment.run("inenv", "printf", "%s|", "/etc/hosts", "").stdout == b"/etc/hosts||"


@pytest.mark.parametrize("words", [(), ("A=1", "B=2")])
def test_inenv_without_a_program_is_wrong_usage(environment: HostEnvironment, words: tuple[str, ...]) -> None:
    result = environment.run("inenv", *words)
    assert (result.returncode, result.stderr.splitlines()[0]) == (2, b"cleanenv: inenv: no program given")


def test_script_without_an_interpreter_line_is_the_shells(environment: HostEnvironment, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$@"\n')
    script.chmod(0o755)
    environment.link(Link("script", str(script)))
    assert environment.run("script", "a", "b c").stdout == b"a b c\n"


def test_pattern_serves_each_name_from_its_directory(environment: HostEnvironment, tmp_path: Path) -> None:
    (tmp_path / "x1").mkdir()
    program = tmp_path / "x1" / "prog-[a]"
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    environment.link(Link(None, "/nowhere/*"), Link(None, f"{tmp_path}/x?/prog-*"))
    environment.serve("prog-[a]")
    assert environment.run("prog-[a]").stdout == b"found\n"


def test_half_a_gigabyte_through_pipes(environment: HostEnvironment) -> None:
    script = f"head -c 500000000 /dev/zero | {environment.bin}/cat | {environment.bin}/cat | wc -c"
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout == b"500000000\n"


def test_reader_that_leaves_ends_the_writer_by_sigpipe(environment: HostEnvironment) -> None:
    environment.link(Link("yes", "/usr/bin/yes"))
    script = f"set -o pipefail; {environment.bin}/yes | head -1; echo $?"
    assert subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout == b"y\n141\n"
