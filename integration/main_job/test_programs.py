"""A call of a container's program is what the call of a local program is: bytes, descriptors, status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Environment

pytestmark = ONE_CALLER

DEATHS = ("HUP", "INT", "QUIT", "ABRT", "KILL", "SEGV", "USR1", "PIPE", "ALRM", "TERM")


@pytest.mark.parametrize("status", [0, 1, 2, 125, 126, 127, 255])
def test_exit_status_is_the_programs(small: Environment, status: int) -> None:
    assert small.run("sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize("name", DEATHS)
def test_death_by_a_signal_is_one_for_the_caller_too(tools: Environment, name: str) -> None:
    result = tools.run("sh", "-c", f"kill -{name} $$")
    assert (result.returncode, result.stderr) == (-getattr(signal, f"SIG{name}"), "")


@pytest.mark.parametrize("name", ["HUP", "INT", "USR1", "TERM"])
def test_signal_to_the_caller_reaches_the_program(small: Environment, name: str) -> None:
    process = small.caller.start(
        [small.bin / "sh", "-c", f'trap "echo caught; exit 3" {name}; echo ready; while :; do read -t 1 x; done'],
        stdin=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(getattr(signal, f"SIG{name}"))
        assert process.stdout.read() == b"caught\n"
    assert process.returncode == 3


def test_killed_caller_takes_the_program_along(small: Environment) -> None:
    process = small.caller.start([small.bin / "sh", "-c", "echo ready; while :; do sleep 1000; done"])
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
        # The pipe ends when nobody in the container holds it any more.
        assert process.stdout.read() == b""


def test_program_that_the_container_has_not_is_127(small: Environment) -> None:
    result = small.run("inenv", "no-such-program")
    assert (result.returncode, result.stdout) == (127, "")
    assert result.stderr.startswith("cleanenv: no-such-program: the container has no no-such-program\nhint: ")


def test_file_that_is_no_program_is_126(small: Environment) -> None:
    result = small.run("inenv", "/etc/passwd")
    assert (result.returncode, result.stdout) == (126, "")
    assert "/etc/passwd cannot be executed: Permission denied" in result.stderr


def test_name_that_was_called_is_handed_on(tools: Environment) -> None:
    script = "tr '\\0' '\\n' < /proc/$$/cmdline | head -n 1; :"
    result = tools.caller.run("bash", "-c", 'exec -a other "$0" -c "$1"', tools.bin / "sh", script)
    assert result.output == "other\n"


def test_program_that_is_called_by_its_path_finds_its_own_files(tools: Environment) -> None:
    tell = "import os, sys; print(os.path.exists(sys.executable))"
    source = tools.caller.write(tools.project / "empty.c", "int main(void) { return 0; }\n")

    assert tools.run("python3", "-c", tell).output == "True\n"
    assert tools.run("cc", "-o", tools.project / "empty", source).output == ""


def test_program_may_be_called_by_a_symbolic_link(small: Environment, place: Path) -> None:
    link = place / "sh"
    link.symlink_to(small.bin / "sh")
    assert small.caller.run(link, "-c", "echo inside").output == "inside\n"


def test_arguments_and_variables_are_handed_on_byte_by_byte(tools: Environment) -> None:
    every = bytes(range(1, 256))
    report = "import os, sys; sys.stdout.buffer.write(b'|'.join(map(os.fsencode, [*sys.argv[1:], os.environ['V']])))"
    given = [every, b"", b" two  words ", b"\xff\xfe", b"-", b"--", "é".encode()]
    result = tools.caller.run(
        tools.bin / "python3", "-c", report, *given, variables={**tools.caller.variables, "V": os.fsdecode(every)}
    )
    assert os.fsencode(result.output) == b"|".join([*given, every])


def test_two_megabytes_of_arguments(tools: Environment) -> None:
    # A little more than fits with the usual stack of 8 MiB: the limit follows the caller, too.
    call = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_STACK, (64 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
words = [f"{number:05d}".ljust(100_000, "x") for number in range(21)]
os.execv(sys.argv[1], [*sys.argv[1:], *words])
"""
    count = "import sys; print([(word[:5], len(word)) for word in sys.argv[1:]])"
    result = tools.caller.run(sys.executable, "-c", call, tools.bin / "python3", "-c", count)
    assert result.output == f"{[(f'{number:05d}', 100_000) for number in range(21)]}\n"


def test_stdin_and_stdout_are_the_callers_pipes(small: Environment) -> None:
    data = os.urandom(3_000_000)
    process = small.caller.start([small.bin / "cat"], stdin=subprocess.PIPE)
    with process:
        output, errors = process.communicate(data, timeout=60)
    assert (output == data, errors, process.returncode) == (True, b"", 0)


def test_closed_pipe_ends_the_writer(tools: Environment) -> None:
    result = tools.caller.run(
        "bash", "-c", '"$0" -c "while :; do echo y; done" | head -n 1; echo ${PIPESTATUS[0]}', tools.bin / "sh"
    )
    assert result.output == "y\n141\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_stay_closed(tools: Environment, closed: str) -> None:
    tell = "for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && printf $n >&9; done; :"
    command = f'exec 9>&1; exec "$0" -c "$1" {closed}'
    native = tools.caller.run("bash", "-c", command, "/bin/sh", tell)
    assert tools.caller.run("bash", "-c", command, tools.bin / "sh", tell) == native


def test_further_descriptors_keep_their_numbers(tools: Environment, place: Path) -> None:
    first, second = tools.caller.write(place / "first", "one"), tools.caller.write(place / "second", "two")
    third = tools.caller.write(place / "third", "")
    script = "import os; print(os.read(3, 9), os.read(57, 9)); os.write(200, b'three')"
    command = 'exec "$0" -c "$1" 3<"$2" 57<"$3" 200>"$4"'
    result = tools.caller.run("bash", "-c", command, tools.bin / "python3", script, first, second, third)
    assert (result.output, third.read_text()) == ("b'one' b'two'\n", "three")


def test_process_substitution(tools: Environment) -> None:
    result = tools.caller.run("bash", "-c", '"$0" <(echo one) <(echo two)', tools.bin / "cat")
    assert result.output == "one\ntwo\n"


MAKEFILE = """
all: one two
one:
\t@echo one > $(FIFO)
two:
\t@cat $(FIFO)
sub:
\t@+$(SUBMAKE) --no-print-directory -f $(FILE) FIFO=$(FIFO) all
"""


@pytest.mark.parametrize("outer", ["make", "container's make"])
def test_makes_share_their_job_slots(tools: Environment, outer: str) -> None:
    """One target waits for the other: with a single slot it would wait for ever."""
    fifo, file = tools.project / "fifo", tools.caller.write(tools.project / "Makefile", MAKEFILE)
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo)
    tools.caller.own(fifo)
    inner = str(tools.bin / "make")
    first, second = ("make", inner) if outer == "make" else (inner, "make")
    variables = (f"FIFO={fifo}", f"FILE={file}", f"SUBMAKE={second}")
    result = tools.caller.run(first, "-j2", "--no-print-directory", "-f", file, *variables, "sub", cwd=tools.project)
    assert result.output == "one\n"


def test_working_directory_is_the_callers(tools: Environment, place: Path) -> None:
    pwd = ("sh", "-c", 'echo "$PWD"; /bin/pwd')
    assert tools.run(*pwd, cwd=tools.project).output == f"{tools.project}\n" * 2
    assert tools.run(*pwd, cwd=place).output == f"/r{place}\n" * 2
    assert tools.run(*pwd, cwd="/").output == "/r\n/r\n"


def test_file_mode_mask_and_limits_follow_the_caller(tools: Environment) -> None:
    command = 'umask 027; ulimit -n 123; exec nice -n 5 "$0" -c "umask; ulimit -n; nice"'
    assert tools.caller.run("bash", "-c", command, tools.bin / "sh").output == "0027\n123\n5\n"


def test_many_calls_at_once_each_get_their_own_status(small: Environment) -> None:
    def call(number: int) -> tuple[int, str]:
        result = small.run("sh", "-c", f"echo {number}; exit {number}")
        return result.returncode, result.output if result.returncode == 0 else result.stdout

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(call, range(128)))
    assert results == [(number, f"{number}\n") for number in range(128)]


def test_container_sees_the_host_and_cannot_write_to_it(tools: Environment, place: Path) -> None:
    file = tools.caller.write(place / "file", "host's\n")
    assert tools.run("cat", file).output == "host's\n"
    for command in (f"echo x >/r{file}", f"rm -f /r{file}", f"mkdir /r{place}/new", "echo x >>/r/etc/passwd"):
        result = tools.run("inenv", "sh", "-c", command)
        assert result.returncode != 0, command
        assert "Read-only file system" in result.stderr
    assert (os.listdir(place), file.read_text()) == (["file"], "host's\n")
