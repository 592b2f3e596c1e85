"""A user of cleanenv: runs commands, programs and shells with rights and variables of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pexpect
import pytest

__all__ = [
    "CALLERS",
    "ONE_CALLER",
    "Argument",
    "Caller",
    "Environment",
    "Result",
    "Shell",
    "error_of",
    "finish",
    "quoted",
]

# As root the tests have an ordinary user made; an ordinary user can only be itself.
CALLERS = ("root", "user") if os.geteuid() == 0 else ("user",)

# For tests of what is the same for every user: with --installed alone it is looked at for each of them.
ONE_CALLER = pytest.mark.one_caller

TIMEOUT_S = 60.0

Argument = str | bytes | Path


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended; text keeps bytes that are no UTF-8 as surrogates."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """What it wrote, of a command that succeeded and complained about nothing."""
        assert (self.returncode, self.stderr) == (0, ""), self
        return self.stdout


def error_of(result: Result) -> tuple[int, str, str]:
    """Exit code, message and hint of a command that failed with one clear error: what, why, what to type."""
    assert result.stdout == "", result
    lines = result.stderr.splitlines()
    assert len(lines) in (1, 2), result
    assert lines[0].startswith("cleanenv: "), result
    assert lines[0].count(": ") >= 2, result
    hint = lines[1] if len(lines) == 2 else "hint: "
    assert hint.startswith("hint: "), result
    return result.returncode, lines[0].removeprefix("cleanenv: "), hint.removeprefix("hint: ")


@dataclass(frozen=True, slots=True)
class Caller:
    """`executable` is the cleanenv that this user can run; `groups` are the supplementary ones.

    `runtime` is the directory in which cleanenv keeps the runtime directories of this user's environments,
    `state` the one with the list of them.
    """

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: Path
    executable: Path
    variables: Mapping[str, str]
    runtime: Path
    state: Path

    def with_variables(self, **variables: str) -> Caller:
        """The same user with some variables changed."""
        return replace(self, variables={**self.variables, **variables})

    def own(self, path: Path) -> Path:
        """Give a file to this user."""
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)
        return path

    def mkdir(self, path: Path) -> Path:
        """Make a directory of this user."""
        path.mkdir()
        return self.own(path)

    def write(self, path: Path, text: str, mode: int = 0o644) -> Path:
        """Write a file of this user."""
        path.write_text(text)
        path.chmod(mode)
        return self.own(path)

    def start(
        self,
        command: Sequence[Argument],
        *,
        cwd: Path | str = "/",
        variables: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a command as this user; its stderr is a pipe."""
        return subprocess.Popen(
            list(command),
            cwd=cwd,
            env=dict(self.variables if variables is None else variables),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
            start_new_session=True,
            user=self.uid if os.geteuid() == 0 else None,
            group=self.gid if os.geteuid() == 0 else None,
            extra_groups=self.groups if os.geteuid() == 0 else None,
        )

    def run(
        self,
        *command: Argument,
        cwd: Path | str = "/",
        variables: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        pass_fds: Sequence[int] = (),
    ) -> Result:
        """Run a command as this user, to its end."""
        process = self.start(command, cwd=cwd, variables=variables, stdin=subprocess.PIPE, pass_fds=pass_fds)
        return finish(process, stdin)

    def cleanenv(self, *arguments: Argument, cwd: Path | str = "/") -> Result:
        """Run the command `cleanenv`."""
        return self.run(self.executable, *arguments, cwd=cwd)

    def shell(self, name: str, *, cwd: Path | str = "/", variables: Mapping[str, str] | None = None) -> Shell:
        """Start an interactive shell on a terminal of its own."""
        return Shell(self, name, cwd=cwd, variables=self.variables if variables is None else variables)

    def become(self) -> None:
        """Turn this process into one of the user: in a child, before its exec."""
        if os.geteuid() == 0:
            os.fchown(0, self.uid, -1)
            os.setgroups(self.groups)
            os.setgid(self.gid)
            os.setuid(self.uid)


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Result:
    """Wait for the process; it does not outlive a failure of the test."""
    with process:
        try:
            stdout, stderr = process.communicate(stdin or None, timeout=TIMEOUT_S)
        except BaseException:
            process.kill()
            raise
    return Result(process.returncode, os.fsdecode(stdout or b""), os.fsdecode(stderr))


# Without the user's own files, and without line editors, whose escape sequences nobody here reads.
_COMMANDS = {
    "bash": ["bash", "--norc", "--noprofile", "--noediting", "-i"],
    "dash": ["dash", "-i"],
    "sh": ["sh", "-i"],
    "zsh": ["zsh", "-f", "-i", "+o", "zle", "+o", "prompt_sp", "+o", "prompt_cr"],
}


class Shell:
    """An interactive shell on a terminal. Marks around each command tell its output from prompts."""

    def __init__(self, caller: Caller, name: str, *, cwd: Path | str, variables: Mapping[str, str]) -> None:
        command, *arguments = _COMMANDS[name]
        self._child = pexpect.spawn(
            command,
            arguments,
            cwd=str(cwd),
            env={**variables, "TERM": "dumb"},
            encoding="utf-8",
            codec_errors="surrogateescape",
            echo=False,
            timeout=TIMEOUT_S,
            preexec_fn=caller.become,
            dimensions=(24, 200),
        )
        self.name = name
        self.prompt = ""

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._child.pid is not None
        return self._child.pid

    def close(self) -> None:
        """Close its terminal, as a window is closed."""
        self._child.close(force=True)

    def run(self, command: str) -> tuple[int, str]:
        """Run a line: its exit status, and what it wrote. `prompt` is then the one before the line."""
        # One line, because a second one would be there for the program to read. The marks are put together by
        # printf: as typed they are no marks, should something echo them.
        self._child.sendline(f"printf '@%s@\\n' begin; {command}; printf '\\n@%s:%s@\\n' end \"$?\"")
        self._child.expect(r"@begin@\r\n")
        self.prompt = str(self._child.before)
        self._child.expect(r"\r?\n@end:(\d+)@\r\n")
        match = self._child.match
        assert isinstance(match, re.Match)
        return int(match[1]), str(self._child.before).replace("\r\n", "\n")

    def output(self, command: str) -> str:
        """What a line writes that succeeds."""
        status, output = self.run(command)
        assert status == 0, output
        return output


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment and who made it."""

    path: Path
    caller: Caller

    @property
    def bin(self) -> Path:
        return self.path / "bin"

    @property
    def project(self) -> Path:
        """The directory beside it that the container sees at the same path."""
        return self.path.parent / "proj"

    def run(self, program: str, *arguments: Argument, cwd: Path | str = "/", stdin: bytes = b"") -> Result:
        """Call one of its programs as a script does: by its path, without activation."""
        return self.caller.run(self.bin / program, *arguments, cwd=cwd, stdin=stdin)

    def cleanenv(self, command: str, *arguments: Argument) -> Result:
        """Run a command of cleanenv on this environment."""
        return self.caller.cleanenv(command, "-e", self.path, *arguments)

    @property
    def container(self) -> str:
        """The id of its container, from its files: also when nothing of it runs."""
        return self._state()["container_id"]

    @property
    def runtime(self) -> Path:
        """Its runtime directory."""
        return Path(self._state()["runtime_directory"])

    def _state(self) -> dict[str, str]:
        state: dict[str, str] = json.loads(self.path.joinpath(".cleanenv/state.json").read_text())
        return state


def quoted(*words: Argument) -> str:
    """Words as a shell reads them."""
    return " ".join(shlex.quote(os.fsdecode(word)) for word in words)
