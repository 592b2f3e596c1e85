"""pip install as users type it, with Debian's Python and with the one of the images called python."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import Caller, Environment
from integration.main_job.conftest import Create
from integration.main_job.variants import with_python_below_usr_local

_METADATA = "greeting-1.0.dist-info"
_FILES = {
    "greeting.py": "import sys\ndef main():\n    print('hello', *sys.argv[1:])\n",
    f"{_METADATA}/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
    f"{_METADATA}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{_METADATA}/entry_points.txt": "[console_scripts]\ngreet = greeting:main\n",
}


@pytest.fixture(scope="module")
def below_usr_local(debian: str) -> Iterator[str]:
    with with_python_below_usr_local(debian) as image:
        yield image


@pytest.fixture
def wheel(caller: Caller, place: Path) -> Path:
    """A package with one script, which needs nothing from anywhere."""
    directory = caller.mkdir(place / "proj")
    path = directory / "greeting-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in _FILES.items():
            archive.writestr(name, text)
        archive.writestr(f"{_METADATA}/RECORD", "".join(f"{name},,\n" for name in (*_FILES, f"{_METADATA}/RECORD")))
    return caller.own(path)


@pytest.mark.parametrize("image", ["debian", "below_usr_local"])
def test_pip_install_works_and_its_scripts_appear_and_go(
    caller: Caller, create: Create, wheel: Path, image: str, request: pytest.FixtureRequest
) -> None:
    environment = create("-b", request.getfixturevalue(image), "-d", f"{wheel.parent}:rw")
    assert not listed(environment, "greet")

    installed = environment.run("pip", "install", "--no-index", "--disable-pip-version-check", wheel)
    assert installed.returncode == 0, installed
    assert "Successfully installed greeting-1.0" in installed.stdout
    assert listed(environment, "greet")
    assert environment.run("greet", "world").output == "hello world\n"
    assert environment.run("python3", "-c", "import greeting; greeting.main()").output == "hello\n"
    assert environment.cleanenv("exec", "--", "greet").output == "hello\n"
    where = environment.run("python3", "-c", "import greeting; print(greeting.__file__)").output
    assert where.startswith("/usr/local/" if caller.uid == 0 else f"{caller.home}/.local/")

    # A container that was stopped has it still, and what is uninstalled is gone at once.
    assert environment.cleanenv("stop").output == ""
    assert environment.run("greet").output == "hello\n"
    removed = environment.run("pip", "uninstall", "--yes", "greeting")
    assert removed.returncode == 0, removed
    assert not listed(environment, "greet")
    assert caller.run("test", "-e", environment.bin / "greet").returncode == 1


@pytest.mark.parametrize("image", ["debian", "below_usr_local"])
def test_pip_finds_the_requirement_of_a_project_by_a_relative_path(
    create: Create, wheel: Path, image: str, request: pytest.FixtureRequest
) -> None:
    environment = create("-b", request.getfixturevalue(image), "-d", f"{wheel.parent}:rw")
    command = ["install", "--no-index", "--disable-pip-version-check", "--find-links", ".", "greeting"]
    installed = environment.run("pip", *command, cwd=wheel.parent)
    assert installed.returncode == 0, installed
    assert environment.run("greet", "you").output == "hello you\n"


def listed(environment: Environment, name: str) -> bool:
    said = environment.caller.run("ls", environment.bin)
    return name in said.output.split()
