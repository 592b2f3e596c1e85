"""Entering and leaving a real environment in every shell; tests/activation compares what it leaves in the shell."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, Result, error_of, finish
from integration.main_job.conftest import Create
from tests.activation.dialects import DIALECTS, Dialect

pytestmark = ONE_CALLER

# Means something to each of the shells; a tab and a quote make it no name for a prompt.
NAME = "a b'\"$x`y#é%n\\(c)&;*[z]{q}!~\t"


@pytest.fixture(params=[dialect.name for dialect in DIALECTS])
def dialect(request: pytest.FixtureRequest, caller: Caller) -> Dialect:
    (dialect,) = [dialect for dialect in DIALECTS if dialect.name == request.param]
    if dialect.executable is None:
        pytest.skip(f"{dialect.name} is not installed: make setup")
    try:
        caller.run(dialect.executable, "-c", "exit")
    except PermissionError:
        pytest.skip(f"{dialect.executable} is run by a Python that is not for {caller.name}")
    return dialect


def run(caller: Caller, dialect: Dialect, place: Path, *lines: str) -> Result:
    """Run the lines as a script in a directory."""
    assert dialect.executable is not None
    script = caller.write(place / "script.xsh", "\n".join(lines) + "\n")
    variables = {**caller.variables, "XDG_CACHE_HOME": str(place), "XDG_CONFIG_HOME": str(place)}
    return finish(caller.start([dialect.executable, *dialect.options, script], cwd=place, variables=variables))


def test_programs_of_the_container_are_called_until_it_is_left(
    caller: Caller, place: Path, create: Create, dialect: Dialect
) -> None:
    environment = create("--link", "/bin/basename", path=place / NAME)
    enter = dialect.entering(f"{NAME}/bin/{dialect.script}")

    result = run(caller, dialect, place, enter, "basename /a/inside", "printenv PATH", "deactivate", "printenv PATH")

    inside, path, outside = result.output.splitlines()
    assert (inside, path, outside) == ("inside", f"{environment.bin}:{outside}", caller.variables["PATH"])


def test_destroy_takes_the_environment_away_and_leaves_it(
    caller: Caller, place: Path, create: Create, dialect: Dialect
) -> None:
    environment = create(path=place / NAME)
    enter = dialect.entering(f"{NAME}/bin/{dialect.script}")

    result = run(caller, dialect, place, enter, "destroy", "printenv PATH")

    assert (result.output, environment.path.exists()) == (f"{caller.variables['PATH']}\n", False)


def test_environment_whose_directory_is_not_mounted_is_started(
    caller: Caller, place: Path, create: Create, dialect: Dialect
) -> None:
    environment = create("--link", "/bin/basename")
    unmount(environment)

    result = run(caller, dialect, place, dialect.entering(f"{environment.bin}/{dialect.script}"), "basename /a/inside")

    assert result.output == "inside\n"


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_moved_or_copied_environment_says_what_to_type(
    caller: Caller, place: Path, create: Create, dialect: Dialect, how: str
) -> None:
    environment = create("--link", "/bin/sh")
    if not dialect.knows_its_script:
        return
    here = place / "else where"
    if how == "moved":
        environment.path.rename(here)
        why = f"it was made at {environment.path} and cannot be moved"
        hint = f"mv '{here}' {environment.path}"
    else:
        shutil.copytree(environment.path / ".cleanenv", here / ".cleanenv")
        shutil.copytree(environment.bin, here / "bin", ignore=lambda _, names: set(names) - {dialect.script})
        why = f"it is a copy of {environment.path}, which alone has the container"
        hint = f"rm -r '{here}' && cleanenv create '{here}'"

    result = run(caller, dialect, place, dialect.attempt.format(dialect.entering(f"{here}/bin/{dialect.script}")))

    assert result.stderr.startswith(f"cleanenv: environment {here}: {why}\nhint: {hint}\n")
    assert "failed" in result.stdout
    assert error_of(caller.cleanenv("destroy", here)) == (1, f"environment {here}: {why}", hint)
    if how == "moved":
        here.rename(environment.path)
        assert environment.run("sh", "-c", "echo back").output == "back\n"


def unmount(environment: Environment) -> None:
    command = ["umount"] if os.geteuid() == 0 else ["fusermount", "-u"]
    assert environment.caller.run(*command, environment.bin).returncode == 0


def test_direnv_has_the_layout_of_the_documentation(caller: Caller, place: Path, create: Create) -> None:
    direnv = shutil.which("direnv")
    if direnv is None:
        pytest.skip("direnv is not installed: make setup")
    environment = create("--link", "/bin/basename")
    text = (Path(__file__).parents[2] / "docs/shells.md").read_text()
    (layout,) = re.findall(r"^```bash\n(layout_cleanenv.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for directory in ("config", "config/direnv", "proj"):
        caller.mkdir(place / directory)
    caller.write(place / "config/direnv/direnvrc", layout)
    caller.write(place / "proj/.envrc", "layout cleanenv ../env\n")
    user = caller.with_variables(
        XDG_CONFIG_HOME=str(place / "config"),
        XDG_DATA_HOME=str(place / "data"),
        PATH=f"{caller.executable.parent}:{caller.variables['PATH']}",
    )
    assert user.run(direnv, "allow", "proj", cwd=place).returncode == 0

    def inside(*command: str) -> str:
        result = user.run(direnv, "exec", place / "proj", *command, cwd=place)
        assert result.returncode == 0, result
        return result.stdout

    unmount(environment)
    assert inside("basename", "/a/inside") == "inside\n"
    assert inside("printenv", "CLEAN_ENV", "CLEAN_ENV_PROMPT") == f"{environment.path}\n(env) \n"
    assert user.run(direnv, "exec", place, "printenv", "CLEAN_ENV", cwd=place).stdout == ""
