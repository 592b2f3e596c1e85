"""A person at a terminal: the program has a pty of its own, the caller's terminal is given back as it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.native.conftest import HostEnvironment, start_agent

TIMEOUT_S = 15


@pytest.fixture
def bash(environment: HostEnvironment) -> Iterator[pexpect.spawn[bytes]]:
    """An interactive shell on a terminal of 33 rows and 77 columns, whose PATH begins with the environment."""
    variables = dict(os.environ, PS1="$ ", PATH=f"{environment.bin}:/usr/bin:/bin", TERM="dumb", INPUTRC="/dev/null")
    shell: pexpect.spawn[bytes] = pexpect.spawn(
        "/bin/bash",
        ["--norc", "--noprofile", "-i"],
        env=variables,
        dimensions=(33, 77),
        timeout=TIMEOUT_S,
        echo=False,
    )
    shell.expect_exact("$ ")
    yield shell
    shell.close(force=True)


def run(shell: pexpect.spawn[bytes], command: str) -> str:
    """What the command writes."""
    shell.sendline(command + "; echo '<''end>'")
    shell.expect_exact("<end>")
    text = shell.before
    assert isinstance(text, bytes)
    shell.expect_exact("$ ")
    return text.decode().replace("\r\n", "\n")


def test_terminal_has_its_size_name_and_kind_at_the_first_instruction(bash: pexpect.spawn[bytes]) -> None:
    script = (
        "import os; print(os.isatty(0), os.isatty(1), os.isatty(2), os.get_terminal_size().lines,"
        " os.get_terminal_size().columns, os.ttyname(0) == os.ttyname(1), open('/dev/tty').isatty())"
    )
    assert run(bash, f'python3 -c "{script}"').strip() == "True True True 33 77 True True"


def test_settings_are_the_callers_and_come_back(bash: pexpect.spawn[bytes]) -> None:
    run(bash, "stty -echoctl intr ^X")
    before = run(bash, "stty -a")
    inside = run(bash, "python3 -c 'import os; os.system(\"stty -a\")'")
    # The one thing that shows: who edits lines is the terminal, not the pty that stands for it.
    assert inside.replace(" extproc", " -extproc") == before
    run(bash, "python3 -c 'import os; os.system(\"stty intr ^Y\")'")
    assert "intr = ^Y" in run(bash, "stty -a")


def test_interrupt_key_kills_the_program_and_the_shell_goes_on(bash: pexpect.spawn[bytes]) -> None:
    bash.sendline("python3 -c 'import time; print(\"up\"); time.sleep(99)'")
    bash.expect_exact("up")
    bash.sendintr()
    bash.expect_exact("KeyboardInterrupt")
    bash.expect_exact("$ ")
    assert run(bash, "echo $?").strip() == "130"


def test_end_of_file_key_reaches_the_program(bash: pexpect.spawn[bytes]) -> None:
    bash.sendline("sh -c 'echo up; cat; echo ended'")
    bash.expect_exact("up\r\n")
    bash.sendline("line")
    bash.expect_exact("line")
    bash.sendeof()
    bash.expect_exact("ended")
    bash.expect_exact("$ ")


def test_every_byte_arrives_in_raw_mode(bash: pexpect.spawn[bytes], tmp_path: Path) -> None:
    script = tmp_path / "raw.py"
    script.write_text(
        "import os, tty\n"
        "tty.setraw(0)\n"
        "os.write(1, b'up')\n"
        "data = b''\n"
        "while len(data) < 256:\n"
        "    data += os.read(0, 256)\n"
        "os.write(1, data.hex().encode())\n"
    )
    bash.sendline(f"python3 {script}")
    bash.expect_exact("up")
    bash.send(bytes(range(256)))
    bash.expect_exact(bytes(range(256)).hex())
    bash.expect_exact("$ ")


def test_resize_arrives(bash: pexpect.spawn[bytes]) -> None:
    script = (
        "import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH]); print('up', flush=True);"
        "signal.sigwait([signal.SIGWINCH]); print(os.get_terminal_size())"
    )
    bash.sendline(f'python3 -c "{script}"')
    bash.expect_exact("up")
    bash.setwinsize(40, 120)
    bash.expect_exact("columns=120, lines=40")
    bash.expect_exact("$ ")


def test_last_words_are_not_lost(bash: pexpect.spawn[bytes]) -> None:
    for _ in range(20):
        output = run(bash, "python3 -c 'print(\"x\" * 5000)'")
        assert output.replace("\n", "") == "x" * 5000


def test_pipeline_neighbour_gets_the_keystrokes(bash: pexpect.spawn[bytes]) -> None:
    """A program that writes into a pipe does not read from the terminal in its neighbour's place."""
    bash.sendline("sh -c 'echo up >&2; exec sleep 99' | /bin/cat /dev/tty")
    bash.expect_exact("up")
    bash.sendline("typed")
    bash.expect_exact("typed")
    bash.sendintr()
    bash.expect_exact("$ ")


def test_killed_by_a_signal_the_launcher_gives_the_terminal_back(environment: HostEnvironment) -> None:
    main, terminal = os.openpty()
    try:
        before = termios.tcgetattr(terminal)
        script = "echo up; exec sleep 99"
        call = environment.popen("sh", "-c", script, stdin=terminal, stdout=terminal, start_new_session=True)
        while b"up" not in os.read(main, 100):
            pass
        call.send_signal(signal.SIGTERM)
        assert call.wait(TIMEOUT_S) == -signal.SIGTERM
        assert termios.tcgetattr(terminal) == before
    finally:
        os.close(main)
        os.close(terminal)


def test_keys_are_the_shells_when_a_launcher_was_killed(bash: pexpect.spawn[bytes], tmp_path: Path) -> None:
    """The program has its grace, but no longer the terminal: neither what is typed nor the settings."""
    script = tmp_path / "survivor.py"
    script.write_text(
        "import os, signal, sys, termios\n"
        "signal.signal(signal.SIGHUP, lambda *_: None)\n"
        "print('up', flush=True)\n"
        "while not os.path.exists(sys.argv[1]): os.sched_yield()\n"
        "settings = termios.tcgetattr(0)\n"
        "settings[6][termios.VINTR] = b'\\x19'\n"
        "termios.tcsetattr(0, termios.TCSANOW, settings)\n"
        "os.write(1, b'set ')\n"
        "while True:\n"
        "    os.write(1, b'taken: ' + os.read(0, 100))\n"
    )
    bash.sendline(f"sh -c 'exec python3 {script} {tmp_path}/go'")
    bash.expect_exact("up")
    launchers = Path(f"/proc/{bash.pid}/task/{bash.pid}/children").read_text().split()
    os.kill(int(launchers[0]), signal.SIGKILL)
    bash.expect_exact("Killed")
    bash.expect_exact("$ ")
    Path(tmp_path, "go").touch()
    bash.expect_exact("set ")
    assert run(bash, "echo typed").strip() == "typed"
    assert "intr = ^C" in run(bash, "/usr/bin/stty -a")


def test_output_alone_on_a_terminal_is_a_terminal(environment: HostEnvironment) -> None:
    main, terminal = os.openpty()
    try:
        script = "import os; print(os.isatty(0), os.isatty(1))"
        with environment.popen("python3", "-c", script, stdin=subprocess.DEVNULL, stdout=terminal) as call:
            output = b""
            while not output.endswith(b"\n"):
                output += os.read(main, 100)
            assert output == b"False True\r\n"
            assert call.wait(TIMEOUT_S) == 0
    finally:
        os.close(main)
        os.close(terminal)


def test_an_agent_removes_the_sockets_that_one_before_has_left(tmp_path: Path) -> None:
    (tmp_path / "agent").mkdir()
    left = tmp_path / "agent" / "terminal-34816-1.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as before:
        before.bind(str(left))
    agent = start_agent(tmp_path)
    try:
        assert not left.exists()
    finally:
        agent.kill()
        agent.wait()
