"""cleanenv as root installs it for everybody: a wheel in a virtual environment that all users can read."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["install"]

_ROOT = Path(__file__).parents[2]
_NOBODY = 65534
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def install(directory: Path) -> Path:
    """Install a wheel of this checkout below `directory` and return the path of the command.

    What cleanenv depends on is copied from the environment of these tests: nothing is downloaded.
    """
    subprocess.run([_interpreter(), "-m", "venv", "--without-pip", directory], check=True, cwd="/")
    (site,) = directory.glob("lib/python3*/site-packages")
    for name in sorted(set(_dependencies("cleanenv")) - {"cleanenv"}):
        _copy(name, site)
    wheels = directory / "wheel"
    _python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(_ROOT))
    (wheel,) = wheels.glob("*.whl")
    into = str(directory / "bin/python")
    _python("-m", "pip", "--python", into, "install", "--quiet", "--no-index", "--no-deps", str(wheel))
    return directory / "bin/cleanenv"


def _interpreter() -> str:
    """A Python that every user can run; the one of these tests may be in somebody's home."""
    for candidate in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        if os.path.exists(candidate) and _serves_everybody(candidate):
            return candidate
    raise AssertionError(f"{sys.executable} is for its owner only, and there is no /usr/bin/python3 of 3.10 or later")


def _serves_everybody(python: str) -> bool:
    try:
        tried = subprocess.run(
            [python, "-c", "import sys, venv; sys.exit(sys.version_info < (3, 10))"],
            user=_NOBODY,
            group=_NOBODY,
            extra_groups=(),
            cwd="/",
            env={},
            check=False,
            capture_output=True,
        )
    except PermissionError:
        return False
    return tried.returncode == 0


def _dependencies(name: str) -> Iterator[str]:
    requirements = importlib.metadata.requires(name) or ()
    yield name
    for requirement in requirements:
        match = _NAME.match(requirement)
        if match is None or "extra ==" in requirement:
            continue
        try:
            yield from _dependencies(match[0])
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python


def _copy(name: str, site: Path) -> None:
    for file in importlib.metadata.files(name) or ():
        source = str(file.locate())
        if ".." not in file.parts and os.path.exists(source):
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)  # with its time, by which compiled files are valid


def _python(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd="/", check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
