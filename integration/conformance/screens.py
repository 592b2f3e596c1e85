"""Programs that draw: what a person sees of them is what the screen of a terminal shows, not the bytes that made it so.

How often and in which pieces a program draws is a matter of its timing. A terminal emulator (pyte) makes a picture of
what it wrote; pictures are taken when the program has drawn what can only come last.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

from tests.native.terminal_scenarios import TIMEOUT_S, UNTIL_STOPPED, Person

__all__ = ["PROGRAMS", "SCENARIOS", "Scenario", "play"]

PROGRAMS = ("bash", "git", "less", "ls", "python3", "script", "sh", "ssh-keygen", "sudo", "top", "vim")


class _Screen(pyte.Screen):
    def select_graphic_rendition(self, *attributes: int, private: bool = False) -> None:
        """Not xterm's own question of that form (CSI ? 4 m), which the library takes for the same and stumbles over."""
        if not private:
            super().select_graphic_rendition(*attributes)


class Viewer:
    """Types into an interactive shell on a terminal with a screen, and looks at that."""

    def __init__(self, directory: str, here: Path) -> None:
        self.person = Person("bash", directory, here, terminal="xterm")
        self.here = here
        self._screen = _Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)
        self._album: list[str] = []
        self._marks = 0

    def type(self, keys: str) -> None:
        self.person.type(keys)

    @property
    def picture(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def until(self, pattern: str) -> None:
        """Wait until the screen shows that."""
        deadline = time.monotonic() + TIMEOUT_S
        while not re.search(pattern, self.picture, re.MULTILINE):
            left = deadline - time.monotonic()
            assert left > 0, f"the screen never shows {pattern!r}:\n{self.picture}"
            try:
                self._stream.feed(self.person.shell.read_nonblocking(4096, left))
            except (pexpect.TIMEOUT, pexpect.EOF):
                break
        assert re.search(pattern, self.picture, re.MULTILINE), f"the screen never shows {pattern!r}:\n{self.picture}"

    def keep(self) -> None:
        """Put the picture of now into the album, and where the cursor is."""
        self._album.append(f"{self.picture}\n[{self._screen.cursor.y}, {self._screen.cursor.x}]\n")

    def run(self, command: str) -> None:
        """A command up to its end, and its picture."""
        self._marks += 1
        self.type(f"{command}; echo end''{self._marks}\n")
        self.until(rf"^end{self._marks}\n\$$")
        self.keep()

    def close(self) -> str:
        self.person.close()
        return "".join(self._album)


Scenario = Callable[[Viewer], None]

VIM = "$X/vim -u NONE -i NONE -N -n"


def _vim_has_drawn(viewer: Viewer, number: int) -> None:
    """What is above the line of messages was drawn before it."""
    viewer.type(f":echo 'drawn' {number}\n")
    viewer.until(f"^drawn {number}")
    viewer.keep()


def vim(viewer: Viewer) -> None:
    viewer.type(f"{VIM} text\n")
    viewer.until(r"\[New\]")
    viewer.type("ione\ntwo\x1b")
    _vim_has_drawn(viewer, 1)
    viewer.type("\x1a")
    viewer.until("Stopped")
    viewer.run("jobs")
    viewer.type("fg\n")
    viewer.until("^two")
    viewer.type("othree\x1bggdd")
    _vim_has_drawn(viewer, 2)
    viewer.person.shell.setwinsize(24, 60)
    viewer.type(":echo &columns\n")
    viewer.until("^60")
    viewer.type(":wq\n")
    viewer.until(r"written\n\$$")
    viewer.run("cat text")


def vim_from_the_terminal_by_its_name(viewer: Viewer) -> None:
    viewer.run("echo first > text")
    viewer.type(f"{VIM} text < /dev/tty\n")
    viewer.until("^first")
    viewer.type("osecond\x1b")
    _vim_has_drawn(viewer, 1)
    viewer.type(":x\n")
    viewer.until(r"written\n\$$")
    viewer.run("cat text; stty -a")


def less_of_a_listing(viewer: Viewer) -> None:
    viewer.run("mkdir files; (cd files; touch $(seq -w 100))")
    viewer.type("$X/ls files | $X/less\n")
    viewer.until("^:")
    viewer.keep()
    viewer.type("/05[05]\n")
    viewer.until("^050(.|\n)*^:")
    viewer.keep()
    viewer.type("G")
    viewer.until(r"^\(END\)")
    viewer.keep()
    viewer.type("\x1a")
    viewer.until("Stopped")
    viewer.run(UNTIL_STOPPED)
    viewer.type("fg\n")
    viewer.until(r"^100\n\(END\)")
    viewer.type("q")
    viewer.run("stty -a")


def top(viewer: Viewer) -> None:
    """Its figures are never the same; its help is."""
    viewer.type("$X/top\n")
    viewer.until("PID USER +PR +NI +VIRT +RES +SHR S +%CPU +%MEM +TIME. COMMAND")
    viewer.type("h")
    viewer.until("Type 'q' or <Esc> to continue")
    viewer.keep()
    viewer.type("q")
    viewer.until("PID USER +PR")
    viewer.type("q")
    viewer.until(r"\n\$$")
    viewer.run("clear; stty -a")


def python(viewer: Viewer) -> None:
    viewer.type("$X/python3 -q\n")
    viewer.until("^>>>$")
    viewer.type("print('x is', 6 * 7)\n")
    viewer.until("^x is 42\n>>>$")
    viewer.type("\x1b[A\n")
    viewer.until("^x is 42\n(.*\n)*x is 42\n>>>$")
    viewer.type("exec('print(\"in a loop\")\\nwhile True: pass')\n")
    viewer.until("^in a loop")
    viewer.type("\x03")
    viewer.until("^KeyboardInterrupt\n>>>$")
    viewer.type("input('? ')\n")
    viewer.until(r"^\?$")
    viewer.type("\x03")
    viewer.until("^KeyboardInterrupt\n(.*\n)*KeyboardInterrupt\n>>>$")
    viewer.type("\x1a")
    viewer.until("Stopped")
    viewer.type("fg\n")
    viewer.type("1 + 1\n")
    viewer.until("^2\n>>>$")
    viewer.type("\x04")
    viewer.until(r"^>>>\n\$$")
    viewer.run("echo $?")


def bash(viewer: Viewer) -> None:
    viewer.type("PS1='inside> ' $X/bash --norc --noprofile -i\n")
    viewer.until("^inside>$")
    viewer.type("sh -c 'echo u\"\"p; exec sleep 99' | cat\n")
    viewer.until("^up$")
    viewer.type("\x1a")
    viewer.until("Stopped(.|\n)*^inside>$")
    viewer.type("fg\n")
    viewer.until("^inside> fg\n.*cat$")
    viewer.type("\x03")
    viewer.until(r"^\^C\ninside>$")
    viewer.type("exit 3\n")
    viewer.until(r"^exit\n\$$")
    viewer.run("echo $?")


def ssh_keygen(viewer: Viewer) -> None:
    viewer.type("$X/ssh-keygen -q -t ed25519 -C nobody -f key\n")
    viewer.until(r"^Enter passphrase \(empty for no passphrase\):$")
    viewer.type("secret\n")
    viewer.until("^Enter same passphrase again:$")
    viewer.type("another\n")
    viewer.until(r"do not match.*\n(.*\n)?Enter passphrase \(empty for no passphrase\):$")
    viewer.type("secret\n")
    viewer.until(r"(?s)do not match.*Enter same passphrase again:$")
    viewer.type("secret\n")
    viewer.run("echo $?")
    viewer.type("$X/ssh-keygen -y -f key | cut -d ' ' -f 1,3\n")
    viewer.until("^Enter passphrase:$")
    viewer.type("secret\n")
    viewer.run("stty -a")


def sudo(viewer: Viewer) -> None:
    viewer.run("$X/sudo -n sh -c 'id -u; test -t 0; exit 3'; echo $?")
    viewer.type("$X/sudo -n sh -c 'echo u\"\"p; exec cat'\n")
    viewer.until("^up$")
    viewer.type("line\n")
    viewer.until("^line\nline$")
    viewer.type("\x1a")
    viewer.until("Stopped")
    viewer.run(UNTIL_STOPPED)
    viewer.type("fg\n")
    viewer.type("more\n")
    viewer.until("^more\nmore$")
    viewer.type("\x03")
    viewer.run("echo $?; stty -a")


def git_with_a_pager(viewer: Viewer) -> None:
    date = "GIT_AUTHOR_DATE='2020-02-02 20:20:20 +0000' GIT_COMMITTER_DATE='2020-02-02 20:20:20 +0000'"
    who = "-c user.name=nobody -c user.email=nobody@example.org"
    viewer.run("git init -q -b main . && seq 100 > file && git add file")
    viewer.run(f"{date} git {who} commit -q -m one")
    viewer.type("$X/git -c core.pager=less log -p\n")
    viewer.until("^commit(.|\n)*^:$")
    viewer.keep()
    viewer.type("G")
    viewer.until(r"^\+100\n\(END\)")
    viewer.keep()
    viewer.type("q")
    viewer.run("echo $?; stty -a")


def script(viewer: Viewer) -> None:
    viewer.type("$X/script -q -e -c 'stty size; read x; echo got $x; exit 4' record\n")
    viewer.until("^24 80$")
    viewer.type("line\n")
    viewer.until("^got line$")
    viewer.run("echo $?; stty -a; grep -c . record")


SCENARIOS: tuple[Scenario, ...] = (
    vim, vim_from_the_terminal_by_its_name, less_of_a_listing, top, python, bash, ssh_keygen, sudo, git_with_a_pager,
    script,
)  # fmt: skip


def play(scenario: Scenario, directory: str, here: Path) -> str:
    """The pictures of the screen. `here`, the shell's working directory, is made."""
    here.mkdir()
    viewer = Viewer(directory, here)
    try:
        viewer.until(r"^\$$")
        scenario(viewer)
    finally:
        album = viewer.close()
    return album
