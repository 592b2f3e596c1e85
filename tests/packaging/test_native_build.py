"""The native build: repeatable to the byte, and idle when nothing changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCTS = ("launcher", "agent", "libpathmap.so")


def _make(checkout: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    # A make above this one hands its own options down by variables.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", "--no-print-directory", "-C", str(checkout / "native"), *arguments],
        env=inherited | ({} if path is None else {"PATH": path}),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def _copy_sources(directory: Path) -> Path:
    shutil.copytree(ROOT / "native", directory / "native", ignore=shutil.ignore_patterns("build"))
    return directory


def _products(checkout: Path) -> dict[str, bytes]:
    return {name: (checkout / "cleanenv/native" / name).read_bytes() for name in PRODUCTS}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = _copy_sources(tmp_path_factory.mktemp("checkout"))
    made = _make(directory, "all")
    assert made.returncode == 0, made.stdout + made.stderr
    return directory


def test_build_gives_the_same_bytes_in_another_directory(checkout: Path, tmp_path: Path) -> None:
    other = _copy_sources(tmp_path / "another directory of another length")
    made = _make(other, "all")
    assert made.returncode == 0, made.stdout + made.stderr
    assert _products(other) == _products(checkout)


def test_build_does_nothing_when_nothing_changed(checkout: Path) -> None:
    made = _make(checkout, "all")
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def test_build_follows_a_changed_header(checkout: Path) -> None:
    (checkout / "native/wire/wire.h").touch()
    made = _make(checkout, "all")
    assert made.returncode == 0, made.stderr
    assert "wire/wire.c" in made.stdout
    assert "pathmap/" not in made.stdout


def test_build_without_a_compiler_says_what_is_missing(checkout: Path, tmp_path: Path) -> None:
    for program in ("make", "sh"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    made = _make(checkout, "all", path=str(tmp_path))
    assert made.returncode != 0
    assert "no C compiler" in made.stderr
