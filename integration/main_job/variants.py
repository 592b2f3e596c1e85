"""Images for single tests: one of the others with something changed."""

from __future__ import annotations

import importlib.metadata
import io
import os
import subprocess
import sys
import sysconfig
import tarfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integration.main_job.images import docker

__all__ = ["changed", "with_python_below_usr_local"]

_REPOSITORY = "localhost/cleanenv-tests/variant"
_PIP = b"#!/usr/local/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
# Of the standard library; pip is added from its own distribution.
_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idlelib", "__pycache__"}


@contextmanager
def changed(base: str, script: str, stdin: bytes = b"") -> Iterator[str]:
    """The name of an image: `base` after a script that its root ran. It is removed at the end."""
    name = f"{_REPOSITORY}:{uuid.uuid4().hex[:12]}"
    container = name.replace("/", "-").replace(":", "-")
    command = ["docker", "run", "-i", "--name", container, "--network=none", base, "sh", "-ec", script]
    try:
        made = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=120)
        assert made.returncode == 0, made
        docker("commit", container, name)
        yield name
    finally:
        docker("rm", "--force", container, check=False)
        docker("rmi", "--force", name, check=False)


@contextmanager
def with_python_below_usr_local(base: str) -> Iterator[str]:
    """As the images called python have it: the one of these tests, with pip, and none of the distribution."""
    script = "rm -rf /usr/bin/python3* /usr/bin/pip* /usr/lib/python3*; tar -x -C /usr/local; ldconfig"
    with changed(base, script, _python_tree()) as name:
        yield name


def _python_tree() -> bytes:
    executable = Path(os.path.realpath(sys._base_executable))  # type: ignore[attr-defined] # noqa: SLF001 (not that of the venv)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    stdlib = f"lib/{version}"
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(executable, f"bin/{version}")
        tar.add(sysconfig.get_path("stdlib"), stdlib, filter=_without_what_is_large)
        # Nothing there when Python is not linked against a library of its own.
        for library in Path(sysconfig.get_config_var("LIBDIR") or "/nowhere").glob(f"lib{version}.so*"):
            tar.add(library, f"lib/{library.name}")
        for file in importlib.metadata.files("pip") or ():
            if file.parts[0].startswith("pip") and os.path.exists(file.locate()):
                tar.add(str(file.locate()), f"{stdlib}/site-packages/{file}")
        link = tarfile.TarInfo("bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, version
        tar.addfile(link)
        pip = tarfile.TarInfo("bin/pip")
        pip.size, pip.mode = len(_PIP), 0o755
        tar.addfile(pip, io.BytesIO(_PIP))
    return data.getvalue()


def _without_what_is_large(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = os.path.basename(entry.name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return None if name in _LEFT_OUT or name.startswith("config-") else entry
