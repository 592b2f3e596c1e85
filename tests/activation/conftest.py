"""Environments that are scripts, and of which nothing runs."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from cleanenv.activation.scripts import activation_scripts
from tests.activation.dialects import DIALECTS, Dialect

__all__ = ["Place", "Result"]

# Each notes how it was called; the name of a file beside the environment makes it fail.
_PYTHON = """#!/bin/sh
printf '%s\\n' "$4 $*" >>"${0%/*}/calls"
test ! -e "${0%/*}/refuse-$4" || { echo "cleanenv: $4: refused" >&2; exit 1; }
test "$4" != destroy || rm -r "$6"
"""
_SESSION = """#!/bin/sh
root=${0%/bin/.session}
printf '%s\\n' "${root##*/} $*" >>"${root%/*}/calls"
test ! -e "${root%/*}/refuse-$1"
"""


@dataclass(frozen=True, slots=True)
class Result:
    """How a script ended, and its output between marks."""

    returncode: int
    sections: tuple[str, ...]
    stderr: str
    pid: int


class Place:
    """A directory for environments, and a shell that starts in it."""

    def __init__(self, directory: Path, dialect: Dialect, executable: str) -> None:
        self.executable = executable
        self.directory = directory
        self.dialect = dialect
        (directory / "home").mkdir()
        self._write(directory / "python", _PYTHON)

    def environment(self, name: str = "env", *, is_mounted: bool = True) -> Path:
        """Make an environment of which only the scripts and the program `probe` are real."""
        root = self.directory / name
        (root / "bin").mkdir(parents=True)
        (root / ".cleanenv").mkdir()
        for script in activation_scripts(root, str(self.directory / "python")):
            (root / "bin" / script.name).write_bytes(script.content)
        self._write(root / "bin/probe", '#!/bin/sh\nprintf "%s\\n" "probed in $CLEAN_ENV"\n')
        if is_mounted:
            self._write(root / "bin/inenv", "#!/bin/sh\n")
            self._write(root / "bin/.session", _SESSION)
        return root

    def entering(self, root: Path | str) -> str:
        """The line that enters an environment; a path that is not absolute is taken as typed."""
        return self.dialect.entering(f"{root}/bin/{self.dialect.script}")

    def refuse(self, what: str) -> None:
        """From now on this step fails: `start`, `enter`, `leave` or `destroy`."""
        (self.directory / f"refuse-{what}").touch()

    def run(self, *lines: str, **variables: str) -> Result:
        """Run the lines as one script. `@` among them ends a section of the output."""
        mark = self.dialect.echo.format(self.dialect.quote("@mark@"))
        text = "\n".join(mark if line == "@" else line for line in lines) + "\n"
        file = self.directory / "script.xsh"
        file.write_text(text, "utf-8", "surrogateescape")
        return self.execute(file, **variables)

    def execute(self, file: Path, **variables: str) -> Result:
        """Run a file as a script."""
        process = subprocess.Popen(
            [self.executable, *self.dialect.options, file],
            cwd=self.directory,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.directory / "home"),
                "LANG": "C.UTF-8",
                "XDG_CACHE_HOME": str(self.directory / "home"),
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            stdout, stderr = process.communicate(timeout=60)
        sections = tuple(part.strip("\n") for part in os.fsdecode(stdout).split("@mark@\n"))
        return Result(process.returncode, sections, os.fsdecode(stderr), process.pid)

    def sections(self, *lines: str, **variables: str) -> tuple[str, ...]:
        """The output of lines of which none complains."""
        result = self.run(*lines, **variables)
        assert result.stderr == "", result
        return result.sections

    def show(self, variable: str) -> str:
        """The line that prints a variable."""
        return self.dialect.echo.format(self.dialect.variable.format(variable))

    @property
    def calls(self) -> list[str]:
        """What was called, in order."""
        file = self.directory / "calls"
        return file.read_text("utf-8", "surrogateescape").splitlines() if file.exists() else []

    @staticmethod
    def _write(file: Path, text: str) -> None:
        file.write_text(text)
        file.chmod(0o755)


@pytest.fixture(params=[dialect.name for dialect in DIALECTS])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    (dialect,) = [dialect for dialect in DIALECTS if dialect.name == request.param]
    if dialect.executable is None:
        pytest.skip(f"{dialect.name} is not installed: make setup")
    return Place(tmp_path, dialect, dialect.executable)
