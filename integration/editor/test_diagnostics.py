"""Diagnostics name files that the host's editor can open: real compilers, linters and test runners in a container.

Each is called on a file in a directory that the container has under another name, and on one that it only has below
/r; from within that directory and from elsewhere. What it says is read as an editor reads it.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from integration.editor.tools import HEAVY, LIGHT, Tool
from integration.main_job.caller import ONE_CALLER, Caller, Environment, quoted
from integration.main_job.images import make_editor
from integration.main_job.traces import remove_all

pytestmark = ONE_CALLER

_PLACES = pytest.mark.parametrize("place", ["mounted", "unmounted"])
_FROM = pytest.mark.parametrize("start", ["within", "elsewhere"])


@pytest.fixture(scope="session")
def light(caller: Caller, ground: Path, image_cache: Path) -> Iterator[Environment]:
    image = make_editor(image_cache / "cleanenv/images", heavy=False)
    yield from _environment(caller, ground, image, LIGHT)


@pytest.fixture(scope="session")
def heavy(caller: Caller, ground: Path, image_cache: Path) -> Iterator[Environment]:
    image = make_editor(image_cache / "cleanenv/images", heavy=True)
    yield from _environment(caller, ground, image, HEAVY)


def _environment(caller: Caller, ground: Path, image: str, tools: Sequence[Tool]) -> Iterator[Environment]:
    directory = caller.own(Path(tempfile.mkdtemp(prefix="editor-", dir=ground)))
    directory.chmod(0o755)
    try:
        for name in ("mounted", "unmounted", "elsewhere"):
            caller.mkdir(directory / name)
            for tool in tools:
                caller.write(directory / name / tool.file, tool.content)
        environment = Environment(directory / "env", caller)
        links = [f"--link={tool.link}" for tool in tools]
        mount = f"{directory / 'mounted'}:/src:rw"
        result = caller.cleanenv("create", "-b", image, *links, "-d", mount, environment.path)
        assert result.returncode == 0, result
        for tool in tools:
            result = environment.cleanenv("link", f"--text={tool.text}", tool.link)
            assert result.returncode == 0, result
        yield environment
    finally:
        remove_all(caller, directory)


def check(environment: Environment, tool: Tool, place: str, start: str) -> None:
    """Each file that is named is the host's, and one of them is the file with the error."""
    directory = environment.path.parent
    cwd, file = directory / (place if start == "within" else start), directory / place / tool.file
    variables = {**environment.caller.variables, "PYTHONDONTWRITEBYTECODE": "1"}
    variables.pop("XDG_CACHE_HOME", None)  # the host's, in which the container cannot write
    result = environment.caller.run(environment.bin / tool.name, *tool.arguments, file, cwd=cwd, variables=variables)
    assert result.returncode != 0, result
    names = re.findall(tool.pattern, result.stdout + result.stderr, re.MULTILINE)
    assert names, result
    assert {os.path.realpath(os.path.join(cwd, name)) for name in names} == {str(file)}, result


@_FROM
@_PLACES
@pytest.mark.parametrize("tool", LIGHT, ids=lambda tool: tool.name)
def test_file_that_is_named_is_the_hosts(light: Environment, tool: Tool, place: str, start: str) -> None:
    check(light, tool, place, start)


@pytest.mark.heavy
@_FROM
@_PLACES
@pytest.mark.parametrize("tool", HEAVY, ids=lambda tool: tool.name)
def test_file_that_is_named_is_the_hosts_heavy(heavy: Environment, tool: Tool, place: str, start: str) -> None:
    check(heavy, tool, place, start)


@_PLACES
def test_on_a_terminal_with_its_colours(light: Environment, place: str) -> None:
    file = light.path.parent / place / "bad.c"
    with light.caller.shell("bash", cwd=light.path.parent) as shell:
        status, shown = shell.run(f"TERM=xterm {quoted(light.bin / 'gcc', '-fsyntax-only', file)}")
    assert status == 1
    assert f"\x1b[01m\x1b[K{file}:3:16:\x1b[m\x1b[K" in shown


@_PLACES
def test_in_a_pipe_with_both_streams(light: Environment, place: str) -> None:
    """As editors call it: `make 2>&1 | tee`."""
    file = light.path.parent / place / "bad.c"
    command = f"{quoted(light.bin / 'gcc', '-v', '-fsyntax-only', file)} 2>&1 | cat"
    result = light.caller.run("sh", "-c", command, cwd="/")
    assert f"\n{file}:3:16: error: " in result.output
