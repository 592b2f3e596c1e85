"""What the sdist and the wheel carry, and what happens where they cannot be built."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

import pytest

import cleanenv

ROOT = Path(__file__).parents[2]
NATIVE_FILES = {"cleanenv/native/launcher", "cleanenv/native/agent", "cleanenv/native/libpathmap.so"}
LAUNCHER_LIMIT = 64 * 1024
ELF_PROGRAM_INTERPRETER = 3


@dataclass(frozen=True)
class Distributions:
    """An sdist and the wheel that was built from it, not from the working tree."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    output = tmp_path_factory.mktemp("dist")
    made = _run_build(ROOT, "--outdir", str(output))
    assert made.returncode == 0, made.stdout + made.stderr
    (sdist,) = output.glob("*.tar.gz")
    (wheel,) = output.glob("*.whl")
    return Distributions(sdist, wheel)


def _run_build(
    directory: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *arguments, str(directory)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def _sdist_files(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def _wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _native_sources() -> set[str]:
    files = [*ROOT.glob("native/*/*.c"), *ROOT.glob("native/*/*.h"), ROOT / "native/Makefile"]
    return {str(file.relative_to(ROOT)) for file in files if "build" not in file.relative_to(ROOT).parts}


def _metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (path for path in archive.namelist() if path.endswith(f".dist-info/{name}"))
        return archive.read(path).decode()


def test_sdist_carries_the_native_sources_and_the_build_hook(built: Distributions) -> None:
    needed = _native_sources() | {"hatch_build.py", "pyproject.toml", "LICENSE", "README.md"}
    assert needed - _sdist_files(built.sdist) == set()


def test_sdist_carries_nothing_that_was_built(built: Distributions) -> None:
    files = _sdist_files(built.sdist)
    unwanted = re.compile(r"^native/build/|^\.venv/|^dist/|\.(o|so|pyc)$")
    assert {file for file in files if unwanted.search(file)} == set()
    assert files & NATIVE_FILES == set()


def test_wheel_has_both_packages_and_no_module_called_fuse(built: Distributions) -> None:
    top_level = {name.partition("/")[0] for name in _wheel_files(built.wheel)}
    assert top_level == {"cleanenv", "cleanenv_fuse", f"cleanenv-{cleanenv.__version__}.dist-info"}


def test_wheel_carries_the_native_files_executable(built: Distributions) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        modes = {name: archive.getinfo(name).external_attr >> 16 for name in NATIVE_FILES}
    assert {name for name, mode in modes.items() if not mode & stat.S_IXUSR} == set()


def test_wheel_is_for_every_python_3_of_one_platform(built: Distributions) -> None:
    wheel = Parser().parsestr(_metadata(built.wheel, "WHEEL"))
    assert re.fullmatch(r"py3-none-linux_\w+", wheel["Tag"])
    assert wheel["Root-Is-Purelib"] == "false"


def test_wheel_has_the_version_of_the_package_and_its_command(built: Distributions) -> None:
    assert Parser().parsestr(_metadata(built.wheel, "METADATA"))["Version"] == cleanenv.__version__
    entry_points = configparser.ConfigParser()
    entry_points.read_string(_metadata(built.wheel, "entry_points.txt"))
    assert dict(entry_points["console_scripts"]) == {"cleanenv": "cleanenv.cli.main:main"}


@pytest.mark.parametrize("program", ["launcher", "agent"])
def test_programs_are_static(built: Distributions, program: str) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        elf = archive.read(f"cleanenv/native/{program}")
    assert elf[:4] == b"\x7fELF"
    assert ELF_PROGRAM_INTERPRETER not in _program_header_types(elf)


def _program_header_types(elf: bytes) -> set[int]:
    is_64_bit = elf[4] == 2
    is_little_endian = elf[5] == 1

    def number(offset: int, size: int) -> int:
        return int.from_bytes(elf[offset : offset + size], "little" if is_little_endian else "big")

    start = number(32, 8) if is_64_bit else number(28, 4)
    size, count = (number(54, 2), number(56, 2)) if is_64_bit else (number(42, 2), number(44, 2))
    return {number(start + index * size, 4) for index in range(count)}


@pytest.mark.skipif(not shutil.which("musl-gcc"), reason="musl-gcc is missing: apt-get install musl-tools")
def test_launcher_is_small(built: Distributions) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        assert archive.getinfo("cleanenv/native/launcher").file_size < LAUNCHER_LIMIT


def test_build_without_a_compiler_says_what_is_missing(built: Distributions, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    empty = tmp_path / "no-programs"
    empty.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "CC"} | {"PATH": str(empty)}

    made = _run_build(source, "--wheel", "--outdir", str(tmp_path), environment=environment)

    assert made.returncode != 0
    output = made.stdout + made.stderr
    assert "cleanenv: cannot build the native programs: no C compiler" in output
    assert "hint: apt-get install gcc libc6-dev musl-tools make" in output
    assert "Traceback" not in output
