"""Text back to the host through the launcher: what is mapped, and that it is the program's text otherwise."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from pathlib import Path

import pytest

from cleanenv.launch_table import dump_launch_table
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Profile, Text
from tests.native.conftest import USUAL, HostEnvironment
from tests.pathmap.cases import Case, read_table
from tests.pathmap.text_filter import TextFilter

# The container is the host here: the names are the container's, and only text is to be mapped.
MOUNTS = (
    Mount("/", "/", writable=True),
    Mount("/", "/r", writable=False),
    Mount("/home/u/proj", "/work", writable=True),
    Mount("/home/u/app", "/usr/src/app", writable=True),
)
# Names with `..` depend on the working directory, which has to exist here.
CASES = [
    case
    for case in read_table(Path(__file__).parents[1] / "pathmap/cases.json")
    if case.kind == "text" and not case.input.startswith("../r")
]
TIMEOUT_S = 30


def variables(text: str) -> dict[str, str]:
    return {**os.environ, "CLEANENV_TEXT": text}


@pytest.fixture
def mapping(environment: HostEnvironment, monkeypatch: pytest.MonkeyPatch) -> HostEnvironment:
    """An environment whose container has names of its own for some directories."""
    monkeypatch.chdir("/")  # wherever the tests are run from, a mount of these may hide it
    environment.link(*USUAL, Link("yes", "/usr/bin/yes"), mounts=MOUNTS)
    return environment


def python(environment: HostEnvironment, script: str, text: str, **options: object) -> subprocess.Popen[bytes]:
    return environment.popen("python3", "-u", "-c", script, env=variables(text), **options)


def leave_and_wait(process: subprocess.Popen[bytes]) -> int:
    with process:
        return process.wait(TIMEOUT_S)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case_through_the_launcher(mapping: HostEnvironment, case: Case) -> None:
    """With an end of line: without one, what comes last might be decided by a pause."""
    result = mapping.run("cat", input=os.fsencode(case.input + "\n"), env=variables("stdout"))
    assert (os.fsdecode(result.stdout), result.stderr) == (f"{case.expect}\n", b"")


@pytest.mark.parametrize(
    ("said", "stdout", "stderr"),
    [
        ("off", b"/work/o\n", b"/work/e\n"),
        ("", b"/work/o\n", b"/work/e\n"),
        ("stderr", b"/work/o\n", b"/home/u/proj/e\n"),
        ("stdout", b"/home/u/proj/o\n", b"/work/e\n"),
        ("both", b"/home/u/proj/o\n", b"/home/u/proj/e\n"),
    ],
)
def test_caller_says_which_streams(mapping: HostEnvironment, said: str, stdout: bytes, stderr: bytes) -> None:
    result = mapping.run("sh", "-c", "echo /work/o; echo /work/e >&2", env=variables(said))
    assert (result.stdout, result.stderr) == (stdout, stderr)


def test_options_of_the_program_say_it_and_the_caller_wins(mapping: HostEnvironment) -> None:
    profiles = [Profile(("sh",), text=Text.STDERR)]
    table = dump_launch_table(str(mapping.runtime), "/", MOUNTS, USUAL, python="/python", profiles=profiles)
    (mapping.runtime / "launch-table").write_bytes(table)
    script = ("-c", "echo /work/o; echo /work/e >&2")
    result = mapping.run("sh", *script)
    assert (result.stdout, result.stderr) == (b"/work/o\n", b"/home/u/proj/e\n")
    assert mapping.run("sh", *script, env=variables("off")).stderr == b"/work/e\n"


def test_wrong_word_is_refused_before_anything_runs(mapping: HostEnvironment) -> None:
    result = mapping.run("sh", "-c", "echo ran", env=variables("all"))
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr == (
        b"cleanenv: CLEANENV_TEXT=all: there is no such value\nhint: say off, stderr, stdout or both\n"
    )
    assert mapping.run("inenv", "--map-text=", "true").stderr.startswith(b"cleanenv: --map-text=: there is no such")


def test_inenv_has_an_option_for_it(mapping: HostEnvironment) -> None:
    result = mapping.run("inenv", "--map-text=stderr", "sh", "-c", "echo /work >&2", env=variables("off"))
    assert (result.stdout, result.stderr) == (b"", b"/home/u/proj\n")
    assert mapping.run("inenv", "--map-text=both").returncode == 2


def test_without_it_the_program_has_the_callers_own_streams(mapping: HostEnvironment, tmp_path: Path) -> None:
    with open(tmp_path / "err", "wb+") as file:
        result = mapping.run("python3", "-c", "import os; print(os.fstat(2).st_ino)", stderr=file, env=variables("off"))
        assert int(result.stdout) == os.fstat(file.fileno()).st_ino


def test_name_that_is_written_in_pieces(mapping: HostEnvironment) -> None:
    script = "import os\nfor byte in b'/work/a.c:1: x\\n' * 20: os.write(2, bytes([byte]))"
    assert mapping.run("python3", "-c", script, env=variables("stderr")).stderr == b"/home/u/proj/a.c:1: x\n" * 20


def test_prompt_comes_while_the_program_waits(mapping: HostEnvironment) -> None:
    """Also one that ends in what may be the beginning of a name: it is not held back for longer than a moment."""
    script = (
        "import os\n"
        "for prompt in (b'name? ', b'where? /wor', b'/work', b'/'):\n"
        "    os.write(2, prompt)\n"
        "    os.read(0, 1)\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with python(mapping, script, "stderr", **pipes) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        for prompt in (b"name? ", b"where? /wor", b"/work", b"/"):
            seen = b""
            while seen != prompt:
                assert select.select([process.stderr], [], [], TIMEOUT_S)[0]
                seen += os.read(process.stderr.fileno(), 100)
                assert prompt.startswith(seen)
            process.stdin.write(b"x")
            process.stdin.flush()
    assert process.returncode == 0


def test_streams_that_are_one_file_keep_the_order_of_writing(mapping: HostEnvironment) -> None:
    script = "import os\nfor i in range(2000): os.write(1 + i % 2, b'/work/%d\\n' % i)"
    for text in ("stderr", "stdout", "both"):
        result = mapping.run("python3", "-c", script, env=variables(text), stderr=subprocess.STDOUT)
        assert result.stdout == b"".join(b"/home/u/proj/%d\n" % number for number in range(2000))


def test_streams_do_not_mix_and_do_not_wait_for_each_other(mapping: HostEnvironment) -> None:
    """Nobody reads stderr before stdout has ended."""
    script = "import os\nos.write(2, b'/work/e' * 9000)\nfor i in range(300): os.write(1, b'/work/o\\n' * 1000)"
    with python(mapping, script, "both", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read() == b"/home/u/proj/o\n" * 300_000
        assert process.stderr.read() == b"/home/u/proj/e" + b"/work/e" * 8999


def test_all_text_is_there_when_the_status_is(mapping: HostEnvironment, tmp_path: Path) -> None:
    for number in range(50):
        with open(tmp_path / str(number), "wb") as file:
            assert (
                mapping.run("sh", "-c", "echo /work/a >&2; exit 3", stderr=file, env=variables("stderr")).returncode
                == 3
            )
        assert (tmp_path / str(number)).read_bytes() == b"/home/u/proj/a\n"


def test_launcher_does_not_wait_for_a_program_in_the_background(mapping: HostEnvironment, tmp_path: Path) -> None:
    """Whose text goes on to be mapped, and whose end is the end of the stream, as without a launcher."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader, writer = os.pipe()
    script = f"{{ read line; echo /work/late >&2; }} <{fifo} >&- & echo /work/now >&2; exit 7"
    process = mapping.popen("sh", "-c", script, stderr=writer, stdout=subprocess.DEVNULL, env=variables("stderr"))
    os.close(writer)
    assert leave_and_wait(process) == 7
    with open(reader, "rb") as text:
        assert text.readline() == b"/home/u/proj/now\n"
        fifo.write_text("go\n")
        assert text.read() == b"/home/u/proj/late\n"


def test_other_descriptors_end_with_the_program(mapping: HostEnvironment, tmp_path: Path) -> None:
    """What moves the text of a program in the background has nothing else open."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader, writer = os.pipe()
    script = f"read line >&- {writer}>&- <{fifo} &"
    process = mapping.popen(
        "bash", "-c", script, pass_fds=(writer,), stdout=writer, stderr=subprocess.PIPE, env=variables("stderr")
    )
    os.close(writer)
    with process, open(reader, "rb") as output:
        assert select.select([output], [], [], TIMEOUT_S)[0]
        assert output.read() == b""
        fifo.write_text("go\n")


def test_program_ends_by_sigpipe_when_the_reader_has_left(mapping: HostEnvironment) -> None:
    script = f"set -o pipefail; {mapping.bin}/yes /work/a | head -1; echo $?"
    result = subprocess.run(["bash", "-c", script], capture_output=True, check=True, env=variables("stdout"))
    assert result.stdout == b"/home/u/proj/a\n141\n"


def test_reader_that_left_before_anything_was_written(mapping: HostEnvironment) -> None:
    script = "import os, signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\nwhile True: os.write(2, b'x')"
    process = python(mapping, script, "stderr", stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    assert leave_and_wait(process) == -signal.SIGPIPE


def test_slow_reader_slows_the_program_down(mapping: HostEnvironment) -> None:
    script = (
        "import os, select\n"
        "os.set_blocking(2, False)\n"
        "total = 0\n"
        "while select.select([], [2], [], 0.3)[1]:\n"
        "    try: total += os.write(2, b'/work/a\\n' * 500)\n"
        "    except BlockingIOError: pass\n"
        "print(total)\n"
    )
    with python(mapping, script, "stderr", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        total = int(process.stdout.readline())
        assert 65536 < total < 1_000_000
        assert process.stderr.read() == b"/home/u/proj/a\n" * (total // 8) + (b"/home/u/proj/a\n" * 500)[: total % 8]


def test_signal_ends_the_wait_for_a_reader_that_does_not_read(mapping: HostEnvironment) -> None:
    """Natively the program would be gone already: what it wrote would be the pipe's."""
    script = "import os\nos.write(2, b'x' * 100_000)\nos.write(1, b'done')"
    process = python(mapping, script, "stderr", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read() == b"done"
    with process:
        # One that comes before the launcher knows of the end is the program's.
        while process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    assert process.returncode == 0


def test_data_is_not_touched(mapping: HostEnvironment) -> None:
    data = b"\0" + os.urandom(1_000_000) + b" /work/a " + bytes(range(256)) * 5000
    assert mapping.run("cat", input=data, env=variables("stdout")).stdout == data


def test_much_text(mapping: HostEnvironment) -> None:
    lines = [
        f"/work/src/{number}.c:{number}: error in /usr/src/app/x or '/r' and ../r/x\n" for number in range(200_000)
    ]
    text = "".join(lines).encode()
    assert mapping.run("cat", input=text, env=variables("stdout")).stdout == TextFilter(MOUNTS, "/").whole([text])


def test_non_blocking_stream_stays_so_and_loses_nothing(mapping: HostEnvironment) -> None:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    os.set_blocking(reader, True)
    process = mapping.popen("sh", "-c", "yes /work/a | head -n 30000", stdout=writer, env=variables("stdout"))
    assert not os.get_blocking(writer)
    os.close(writer)
    with process, open(reader, "rb") as text:
        assert text.read() == b"/home/u/proj/a\n" * 30000


def test_closed_stream_stays_closed(mapping: HostEnvironment) -> None:
    command = f"{mapping.bin}/sh -c 'echo /work/a; ls /proc/self/fd >&2; [ ! -e /proc/$$/fd/1 ]' >&-"
    assert (
        subprocess.run(["bash", "-c", command], env=variables("both"), capture_output=True, check=False).returncode == 0
    )
