"""A person at a shell who calls programs of a directory: /usr/bin, or the bin directory of an environment.

What the terminal shows natively is what it must show through an environment. tests/native plays the scenarios against
an agent on the host, integration/conformance against a container.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pexpect

__all__ = ["EVERY_SHELL", "PROGRAMS", "SCENARIOS", "Scenario", "play"]

TIMEOUT_S = 15
PROGRAMS = ("bash", "cat", "dd", "head", "less", "python3", "sh", "sleep", "stty", "tty", "yes", "wc")


# In one line with what starts the job: at a prompt the shell may or may not have heard of it yet.
UNTIL_STOPPED = "while ! jobs | grep -q Stopped; do :; done; jobs"


class Person:
    """Types into an interactive shell and reads what it shows."""

    def __init__(self, program: str, directory: str, here: Path, terminal: str = "dumb") -> None:
        self.directory = directory
        self.here = here
        variables = {
            "PATH": "/usr/bin:/bin", "PS1": "$ ", "PS2": "> ", "TERM": terminal, "INPUTRC": "/dev/null",
            "HOME": str(here), "X": directory, "LC_ALL": "C.UTF-8", "LESSHISTFILE": "-", "HISTFILE": "",
        }  # fmt: skip
        arguments = {
            "bash": ["--norc", "--noprofile", "-i"],
            "zsh": ["-f", "-i", "+Z", "+o", "prompt_sp"],
            "dash": ["-i"],
        }[program]
        self.shell: pexpect.spawn[bytes] = pexpect.spawn(
            f"/bin/{program}", arguments, env=variables, dimensions=(24, 80), timeout=TIMEOUT_S, cwd=str(here)
        )
        self.seen = b""

    @property
    def pid(self) -> int:
        assert self.shell.pid is not None
        return self.shell.pid

    def type(self, keys: str) -> None:
        self.shell.send(keys.encode())

    def see(self, text: str) -> None:
        self.shell.expect_exact(text.encode())
        assert isinstance(self.shell.before, bytes)
        self.seen += self.shell.before + text.encode()

    def run(self, command: str) -> None:
        """A command up to its end; the mark is not in what is typed."""
        self.type(command + "; echo do''ne\n")
        self.see("done\r\n")
        self.see("$ ")

    def close(self) -> str:
        self.shell.close(force=True)
        text = self.seen.decode("utf-8", "backslashreplace").replace(self.directory, "BIN")
        return re.sub(r"(\[\d+\] |job \d\[)\d{2,}", r"\1PID", text)


Scenario = Callable[[Person], None]


def interrupt(person: Person) -> None:
    person.type("$X/sh -c 'echo u\"\"p; exec sleep 99'\n")
    person.see("up\r\n")
    person.type("\x03")
    person.see("$ ")
    person.run("echo $?")


def quit_key(person: Person) -> None:
    person.run("ulimit -c 0")
    person.type("$X/sh -c 'echo u\"\"p; exec sleep 99'\n")
    person.see("up\r\n")
    person.type("\x1c")
    person.see("$ ")
    person.run("echo $?")


def interrupt_ends_a_loop(person: Person) -> None:
    person.type("for i in 1 2 3; do $X/sh -c 'echo u\"\"p; exec sleep 99'; done\n")
    person.see("up\r\n")
    person.type("\x03")
    person.see("$ ")
    person.run("echo $?")


def interrupt_ends_a_script(person: Person) -> None:
    person.run("printf '$X/sh -c \"echo up; exec sleep 99\"; echo af''ter\\n' > script")
    person.type("sh script\n")
    person.see("up\r\n")
    person.type("\x03")
    person.see("$ ")
    person.run("echo $?")


def handled_interrupt_arrives_once(person: Person) -> None:
    script = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *a: os.write(2, b'got it\\n'))\n"
        "os.write(2, b'up\\n')\n"
        "while True: time.sleep(9)\n"
    )
    Path(person.here, "twice.py").write_text(script)
    person.run("ulimit -c 0")
    person.type("$X/python3 twice.py | $X/python3 twice.py\n")
    person.see("up\r\n")
    person.see("up\r\n")
    person.type("\x03")
    person.see("got it\r\n")
    person.see("got it\r\n")
    person.type("\x1c")
    person.see("$ ")


def stop_and_foreground(person: Person) -> None:
    person.type("$X/cat\n")
    person.type("one\n")
    person.see("one\r\none\r\n")
    person.type("\x1a")
    person.see("$ ")
    person.run("jobs")
    person.type("fg\n")
    person.see("cat\r\n")
    person.type("two\n")
    person.see("two\r\ntwo\r\n")
    person.type("\x04")
    person.see("$ ")
    person.run("echo $?")


def stop_a_pipeline(person: Person) -> None:
    person.type("$X/cat | $X/cat\n")
    person.type("one\n")
    person.see("one\r\none\r\n")
    person.type("\x1a")
    person.see("$ ")
    person.run("jobs")
    person.type("fg\n")
    person.type("two\n")
    person.see("two\r\ntwo\r\n")
    person.type("\x04")
    person.see("$ ")


def stop_a_script(person: Person) -> None:
    person.run("printf '$X/cat; echo af''ter\\n' > script")
    person.type("sh script\n")
    person.type("one\n")
    person.see("one\r\none\r\n")
    person.type("\x1a")
    person.see("$ ")
    person.run("jobs")
    person.type("fg\n")
    person.type("two\n")
    person.see("two\r\ntwo\r\n")
    person.type("\x04")
    person.see("after\r\n")
    person.see("$ ")


def background_read_stops(person: Person) -> None:
    person.run(f"$X/cat & {UNTIL_STOPPED}")
    person.type("fg\n")
    person.type("line\n")
    person.see("line\r\nline\r\n")
    person.type("\x04")
    person.see("$ ")


def background_output_shows(person: Person) -> None:
    person.type("$X/sh -c 'echo from be''hind' & wait\n")
    person.see("from behind\r\n")


def background_write_with_tostop(person: Person) -> None:
    person.run("stty tostop")
    person.run(f"$X/sh -c 'echo be''hind' & {UNTIL_STOPPED}")
    person.type("fg\n")
    person.see("behind\r\n")
    person.see("$ ")
    person.run("stty -tostop")


def running_job_is_brought_back(person: Person) -> None:
    """A shell gives a running job the terminal without a signal."""
    person.type("$X/sh -c 'read a < fifo; read line; echo got $line' &\n")
    person.see("$ ")
    person.type("fg\n")
    person.see("\r\n")
    os.close(os.open(Path(person.here, "fifo"), os.O_WRONLY))
    person.type("typed\n")
    person.see("got typed\r\n")
    person.see("$ ")


def continue_in_background(person: Person) -> None:
    person.type("$X/sh -c 'echo u\"\"p; while ! test -e go; do :; done; echo go''ne'\n")
    person.see("up\r\n")
    person.type("\x1a")
    person.see("$ ")
    person.run("bg")
    person.type("touch go; wait\n")
    person.see("gone\r\n")


def kill_a_job(person: Person) -> None:
    person.type("$X/sleep 99 &\n")
    person.see("$ ")
    person.run("kill %1; wait %1; echo $?")


def what_nobody_read_is_the_shells(person: Person) -> None:
    person.type("$X/sh -c 'echo u\"\"p; while ! test -e go; do :; done'\n")
    person.see("up\r\n")
    person.type("echo typed a''head\n")
    person.see("''head\r\n")
    Path(person.here, "go").touch()
    person.see("\r\ntyped ahead\r\n")
    person.see("$ ")


def one_line_is_read_and_the_next_is_the_shells(person: Person) -> None:
    person.type("$X/sh -c 'echo u\"\"p; read a; while ! test -e go; do :; done; echo read $a'\n")
    person.see("up\r\n")
    person.type("first\necho sec''ond\n")
    person.see("''ond\r\n")
    Path(person.here, "go").touch()
    person.see("read first\r\n")
    person.see("second\r\n")


def password(person: Person) -> None:
    script = "import getpass; print(len(getpass.getpass()))"
    person.type(f"$X/python3 -c '{script}'\n")
    person.see("Password: ")
    person.type("secret\n")
    person.see("6\r\n")
    person.see("$ ")


def password_in_a_pipeline(person: Person) -> None:
    script = "import getpass; print(len(getpass.getpass()))"
    person.type(f"echo x | $X/python3 -c '{script}' | $X/cat\n")
    person.see("Password: ")
    person.type("secret\n")
    person.see("6\r\n")
    person.see("$ ")


def pager(person: Person) -> None:
    person.run("$X/python3 -c 'for i in range(100): print(i)' > lines")
    person.type("export TERM=xterm; $X/cat lines | $X/less\n")
    person.see("22\r\n")
    person.type("q")
    person.see("$ ")


def settings_stay(person: Person) -> None:
    person.run("$X/stty intr ^Y")
    person.run("stty -a | grep -o 'intr = ..'")


def poll_before_read(person: Person) -> None:
    script = 'import select, sys; print("up", flush=True); select.select([0], [], []); print(sys.stdin.readline())'
    person.type(f"$X/python3 -c '{script}'\n")
    person.see("up\r\n")
    person.type("line\n")
    person.see("line\r\nline\r\n")
    person.see("$ ")


def shell_inside(person: Person) -> None:
    person.type("$X/bash --norc --noprofile -i\n")
    person.see("$ ")
    person.run("sleep 99 & kill %1; wait %1; tty > /dev/null && echo ok")
    person.type("sleep 99\n")
    person.type("\x1a")
    person.see("Stopped")
    person.run("jobs")
    person.type("fg\n")
    person.see("sleep 99\r\n")
    person.type("\x03")
    person.see("$ ")
    person.type("sh -c 'echo u\"\"p; exec sleep 99'\n")
    person.see("up\r\n")
    person.type("\x03")
    person.see("$ ")
    person.type("exit 3\n")
    person.see("exit\r\n")
    person.see("$ ")
    person.run("echo $?")


def output_alone(person: Person) -> None:
    person.run("echo x | $X/python3 -c 'import os; print(os.isatty(0), os.isatty(1), open(\"/dev/tty\").isatty())'")


def error_alone(person: Person) -> None:
    person.run("$X/python3 -c 'import os; print(os.isatty(0), os.isatty(1), os.isatty(2))' < /dev/null | cat")


def nothing_but_the_session(person: Person) -> None:
    person.run('$X/python3 -c \'open("/dev/tty", "w").write("he" "re\\n")\' < /dev/null > /dev/null 2>&1')


def in_the_foreground(person: Person) -> None:
    person.run("$X/python3 -c 'import os; print(os.tcgetpgrp(0) == os.getpgrp())'")
    person.run("$X/python3 -c 'import os; print(os.tcgetpgrp(0) == os.getpgrp())' & wait")


def raw_output(person: Person) -> None:
    person.run("$X/python3 -c 'import tty,os; tty.setraw(1); os.write(1, b\"a\\nb\\r\\nc\")'; stty sane")


def carriage_returns(person: Person) -> None:
    person.run('$X/python3 -c \'import os; os.write(1, b"a\\rb\\r\\nc\\n\\r\\r\\nd\\r"); os.write(1, b"\\nend\\n")\'')


def flood(person: Person) -> None:
    person.run("$X/sh -c 'yes 0123456789012345678901234567890123456789 | head -20000' | cksum")
    person.run("$X/sh -c 'yes 0123456789 | head -3000'")


def endless_output_is_interrupted(person: Person) -> None:
    person.type("$X/yes > /dev/null\n")
    person.type("\x03")
    person.see("$ ")


def every_key_in_raw_mode(person: Person) -> None:
    """Nothing is a key of ours: no way to detach, no paste, no mouse."""
    script = (
        "import os, tty\n"
        "tty.setraw(0)\n"
        "os.write(1, b'up')\n"
        "data = b''\n"
        "while not data.endswith(b'end'):\n"
        "    data += os.read(0, 9)\n"
        "os.write(1, data.hex().encode())\n"
    )
    Path(person.here, "raw.py").write_text(script)
    person.type("$X/python3 raw.py; stty sane; echo do''ne\n")
    person.see("up")
    person.shell.send(bytes(range(256)))
    person.type("\x10\x11\x1b[200~pasted\x1b[201~\x1b[M !!\x1b[<0;9;9Mend")
    person.see("done\r\n")


def every_byte_on_the_screen_in_raw_mode(person: Person) -> None:
    person.run("$X/python3 -c 'import os, tty; tty.setraw(1); os.write(1, bytes(range(256)) * 2)'; stty sane")


def unusual_keys_in_a_line(person: Person) -> None:
    person.type("$X/cat -v\n")
    person.type("\x10\x11\x0e\x16\x03\x16\x1a é \x1b[200~pasted\x1b[201~ wrong\x7f\x7f\x17end\n")
    person.see("end\r\n")
    person.see("end\r\n")
    person.type("\x04")
    person.see("$ ")


def killed_in_raw_mode(person: Person) -> None:
    """The program dies by it, and cannot set anything back: the shell does."""
    script = "import os, sys, time, tty; tty.setraw(0); os.write(1, b'up'); time.sleep(99)"
    Path(person.here, "raw.py").write_text(script)
    person.run("ulimit -c 0")
    for number in (1, 3, 6, 10, 14, 15, 34, 64):
        person.type("sh -c 'echo $$ > pid; exec $X/python3 raw.py'\n")
        person.see("up")
        os.kill(int(Path(person.here, "pid").read_text()), number)
        person.see("$ ")
        person.run("stty -a")


def interactive_shell_that_reads_a_pipe(person: Person) -> None:
    person.run("echo 'echo in; exit 3' | $X/bash --norc --noprofile -i; echo $?")


def input_from_the_terminal_by_its_name(person: Person) -> None:
    person.type("$X/cat < /dev/tty\n")
    person.type("line\n")
    person.see("line\r\nline\r\n")
    person.type("\x04")
    person.see("$ ")


def errors_into_a_file(person: Person) -> None:
    person.run("$X/sh -c 'echo out; echo err >&2; test -t 1; echo $?; test -t 2; echo $?' 2> log; cat log")


SCENARIOS: tuple[Scenario, ...] = (
    interrupt, quit_key, interrupt_ends_a_loop, interrupt_ends_a_script, handled_interrupt_arrives_once,
    stop_and_foreground, stop_a_pipeline, stop_a_script, background_read_stops, background_output_shows,
    background_write_with_tostop, running_job_is_brought_back, continue_in_background, kill_a_job,
    what_nobody_read_is_the_shells, one_line_is_read_and_the_next_is_the_shells, password, password_in_a_pipeline,
    pager, settings_stay, poll_before_read, shell_inside, output_alone, error_alone, nothing_but_the_session,
    in_the_foreground, raw_output, carriage_returns, flood, endless_output_is_interrupted,
    every_key_in_raw_mode, every_byte_on_the_screen_in_raw_mode, unusual_keys_in_a_line, killed_in_raw_mode,
    interactive_shell_that_reads_a_pipe, input_from_the_terminal_by_its_name, errors_into_a_file,
)  # fmt: skip


# What the other shells' own ways (the wording of jobs, who reads ahead) do not change.
EVERY_SHELL: tuple[Scenario, ...] = (
    interrupt, interrupt_ends_a_script, stop_and_foreground, stop_a_pipeline, stop_a_script,
    running_job_is_brought_back, continue_in_background, kill_a_job, password_in_a_pipeline, shell_inside,
)  # fmt: skip


def play(scenario: Scenario, program: str, directory: str, here: Path) -> str:
    """What the terminal of a shell showed. `here`, its working directory, is made."""
    here.mkdir()
    os.mkfifo(here / "fifo")
    person = Person(program, directory, here)
    try:
        person.see("$ ")
        scenario(person)
    finally:
        text = person.close()
    return text
