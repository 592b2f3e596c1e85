"""Types a session into a real interactive bash on a terminal of its own, shows it, and checks each step.

The session comes on standard input, one instruction a line:

    # TEXT      show a heading
    $ COMMAND   type it, as a user would; it must end with status 0
    % COMMAND   type it, but show nothing
    = STATUS    ... the last command must end with this status instead
    ~ REGEX     ... its output must match
    ! REGEX     ... its output must not match
    > REGEX     ... the prompt after it must match

Ends with status 1 at the first step that is not as it should be. On SIGINT, SIGTERM and SIGHUP it types Ctrl-C
and waits for the command there to clean up, and ends with 130. Needs pexpect, which `make setup` installs.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

import pexpect

STEP_TIMEOUT_S = 600  # the first create on a machine makes or pulls an image
END_TIMEOUT_S = 30
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The shell marks its prompts with escape sequences that a terminal does not show: the status of the last
# command in front, the end of the prompt behind.
PROMPT_BEGIN = "\x1b]133;D;"
PROMPT = re.compile(r"\x1b\]133;D;(\d+)\x07(.*?)\x1b\]133;B\x07", re.DOTALL)
SET_UP = (
    r"PROMPT_COMMAND='printf \\e]133\;D\;%s\\a $?'; "
    r"PS1='$ \[\e]133;B\a\]'; "
    "bind 'set enable-bracketed-paste off'; unset HISTFILE"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|.*\r(?!\n)")


@dataclass(slots=True)
class Step:
    """One command, and what has to be true of it."""

    command: str
    is_shown: bool = True
    heading: str = ""
    status: int = 0
    output: list[str] = field(default_factory=list)
    no_output: list[str] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)


def parse(lines: IO[str]) -> Iterator[Step]:
    """The steps of a session. A line that is no instruction is an error in the session itself."""
    step: Step | None = None
    heading = ""
    for line in lines:
        mark, _, text = line.rstrip("\n").partition(" ")
        if mark == "":
            continue
        if mark == "#":
            heading = text
        elif mark in ("$", "%"):
            if step is not None:
                yield step
            step, heading = Step(text, mark == "$", heading), ""
        elif step is not None and mark == "=":
            step.status = int(text)
        elif step is not None and mark in ("~", "!", ">"):
            {"~": step.output, "!": step.no_output, ">": step.prompt}[mark].append(text)
        else:
            sys.exit(f"typist: no instruction: {line!r}")
    if step is not None:
        yield step


class Shell:
    """An interactive bash on a terminal, whose output is shown as it comes."""

    def __init__(self, *, is_terminal: bool) -> None:
        self._is_terminal = is_terminal
        size = shutil.get_terminal_size((100, 24))
        environment = os.environ | {"TERM": os.environ.get("TERM", "xterm") if is_terminal else "dumb"}
        self._bash = pexpect.spawn(
            "bash",
            ["--noprofile", "--norc", "-i"],
            env=environment,
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(size.lines, size.columns),
            timeout=STEP_TIMEOUT_S,
        )
        self._bash.delaybeforesend = None
        self._unread = ""
        self.prompt = ""
        self._bash.sendline(SET_UP)
        self._read_to_prompt(is_shown=False)

    def run(self, command: str, *, is_shown: bool) -> tuple[int, str]:
        """Type the command; return its status and its output, without what moves the cursor."""
        if is_shown:
            bold, normal = ("\x1b[1m", "\x1b[0m") if self._is_terminal else ("", "")
            self._show(f"{self.prompt}{bold}{command}{normal}\n")
        self._bash.sendline(command)
        status, output = self._read_to_prompt(is_shown=is_shown)
        return status, ESCAPES.sub("", output.replace("\r\n", "\n"))

    def interrupt(self) -> None:
        """Type Ctrl-C, and wait for what runs to end."""
        self._bash.sendintr()
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            self._unread += "\n"  # the end of the line that was interrupted
            self._read_to_prompt(is_shown=False, timeout_s=END_TIMEOUT_S)

    def close(self) -> None:
        """Leave the shell."""
        self._bash.close(force=True)

    def _read_to_prompt(self, *, is_shown: bool, timeout_s: float = STEP_TIMEOUT_S) -> tuple[int, str]:
        """Show what comes until the next prompt; return the status that is in it, and the output before.

        The first line is the terminal's echo of what was typed, and no output.
        """
        output, start, shown = self._unread, -1, -1
        deadline = time.monotonic() + timeout_s
        while True:
            if start < 0 and "\n" in output:
                start = shown = output.index("\n") + 1
            if start >= 0:
                found = PROMPT.search(output, start)
                end = found.start() if found else _complete(output, shown)
                if is_shown:
                    self._show(output[shown:end])
                shown = end
                if found:
                    self._unread, self.prompt = output[found.end() :], found[2]
                    return int(found[1]), output[start : found.start()]
            if time.monotonic() > deadline:
                raise pexpect.TIMEOUT(f"no prompt within {timeout_s} s")
            with contextlib.suppress(pexpect.TIMEOUT):
                output += self._bash.read_nonblocking(65536, timeout=1)

    def _show(self, text: str) -> None:
        text = text.replace("\r\n", "\n")
        if not self._is_terminal:
            text = ESCAPES.sub("", text)
        sys.stdout.write(text)
        sys.stdout.flush()


def _complete(output: str, shown: int) -> int:
    """Where that ends which can be shown: what may be the begin of a prompt waits for the rest of it."""
    prompt = output.find(PROMPT_BEGIN, shown)
    escape = output.find("\x1b", max(shown, len(output) - len(PROMPT_BEGIN)))
    return min((at for at in (prompt, escape) if at >= 0), default=len(output))


def complaint(step: Step, status: int, output: str, prompt: str) -> str | None:
    """What is wrong with a step that was run, or None."""
    if status != step.status:
        return f"it ended with status {status} instead of {step.status}"
    for regex in step.output:
        if not re.search(regex, output, re.MULTILINE):
            return f"its output does not match {regex!r}"
    for regex in step.no_output:
        if re.search(regex, output, re.MULTILINE):
            return f"its output matches {regex!r}"
    for regex in step.prompt:
        if not re.search(regex, prompt):
            return f"the prompt after it is {prompt!r}, and does not match {regex!r}"
    return None


def main() -> int:
    """Run the session of standard input."""
    is_terminal = sys.stdout.isatty()
    end = _end_once()
    for number in END_SIGNALS:  # all of them: a background job of a shell has SIGINT ignored
        signal.signal(number, end)
    steps = list(parse(sys.stdin))
    shell = Shell(is_terminal=is_terminal)
    try:
        for step in steps:
            if step.heading:
                blue, normal = ("\x1b[1;34m", "\x1b[0m") if is_terminal else ("", "")
                print(f"\n{blue}# {step.heading}{normal}", flush=True)
            status, output = shell.run(step.command, is_shown=step.is_shown)
            wrong = complaint(step, status, output, shell.prompt)
            if wrong:
                shown = "" if step.is_shown else f"\nits output: {output.strip()}"
                print(f"\ndemo: `{step.command}`: {wrong}{shown}", file=sys.stderr)
                return 1
    except KeyboardInterrupt:
        shell.interrupt()
        return 130
    except (pexpect.TIMEOUT, pexpect.EOF) as error:
        print(f"\ndemo: the shell: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    finally:
        shell.close()
    return 0


def _end_once() -> Callable[[int, object], None]:
    """A signal handler. What comes after the first one is ignored: the end of the session takes a moment."""
    first = iter([True])

    def handle(_number: int, _frame: object) -> None:
        if next(first, False):
            raise KeyboardInterrupt

    return handle


if __name__ == "__main__":
    sys.exit(main())
