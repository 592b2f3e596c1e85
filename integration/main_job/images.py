"""The images of these tests, made once a machine: a busybox of 2 MB, a Debian with a compiler, others with more."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import tarfile
import tempfile
import uuid
from pathlib import Path

from cleanenv.engine import base_image
from cleanenv.engine.select import connect

__all__ = [
    "BUSYBOX",
    "DEBIAN",
    "docker",
    "make_busybox",
    "make_debian",
    "make_editor",
    "make_managers",
    "make_services",
]

_REPOSITORY = "localhost/cleanenv-tests"
BUSYBOX = f"{_REPOSITORY}/busybox"
DEBIAN = f"{_REPOSITORY}/debian"
SERVICES = f"{_REPOSITORY}/services"

# Whose diagnostics an editor reads: those that are there in a quarter of a minute, and those that take two and 2 GB.
_EDITOR = "gcc libc6-dev perl ruby mypy python3-pytest"
_EDITOR_HEAVY = "clang rustc golang-go openjdk-17-jdk-headless node-typescript eslint"

_INSTALL = (
    "apt-get update -q"
    " && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends {packages}"
    " && apt-get clean && rm -rf /var/lib/apt/lists/*"
)


def docker(*arguments: str, check: bool = True, timeout_s: float = 60.0) -> str:
    """What the docker command says: the view from outside cleanenv."""
    finished = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=timeout_s)
    assert not check or finished.returncode == 0, finished
    return finished.stdout.strip()


def make_busybox() -> str:
    """The name of an image of one static program under all its names; it stays in the engine for the next time."""
    program = next((path for path in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(path)), None)
    assert program is not None, "busybox-static is not installed (apt-get install busybox-static)"
    name = f"{BUSYBOX}:{hashlib.sha256(Path(program).read_bytes()).hexdigest()[:12]}"
    if docker("images", "--quiet", name):
        return name
    listed = subprocess.run([program, "--list"], check=True, capture_output=True, text=True)
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "busybox.tar")
        with tarfile.open(path, "w") as tar:
            tar.add(program, "bin/busybox")
            for applet in set(listed.stdout.split()) - {"busybox"}:
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
        docker("import", "--change", "ENV PATH=/usr/local/bin:/usr/bin:/bin", path, name)
    return name


def make_debian(cache_directory: Path) -> str:
    """The name of an image with a compiler."""
    packages = "gcc git less libc6-dev make openssh-client procps python3-pytest-xdist python3-minimal sudo vim"
    return _make(cache_directory, DEBIAN, packages)


def make_services(cache_directory: Path) -> str:
    """The name of an image with servers as users run them; making it takes half a minute."""
    return _make(cache_directory, SERVICES, "postgresql redis-server")


def make_managers(cache_directory: Path) -> str:
    """The name of an image with pip, npm and gem, and with something to remove; making it takes a minute."""
    return _make(cache_directory, f"{_REPOSITORY}/managers", "ed npm python3-pip ruby")


def make_editor(cache_directory: Path, *, heavy: bool) -> str:
    """The name of an image with compilers, linters and test runners."""
    if heavy:
        return _make(cache_directory, f"{_REPOSITORY}/editor-heavy", _EDITOR_HEAVY)
    return _make(cache_directory, f"{_REPOSITORY}/editor", _EDITOR)


def _make(cache_directory: Path, repository: str, packages: str) -> str:
    """The name of an image like the host, with the packages; it stays in the engine for the next time."""
    install = _INSTALL.format(packages=packages)
    with open(os.path.join(tempfile.gettempdir(), f"cleanenv-tests-{os.getuid()}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once would make it twice
        base = base_image.resolve(
            connect(os.environ, os.geteuid()),
            None,
            platform.freedesktop_os_release(),
            cache_directory,
            lambda *_: None,
            environ=os.environ,
        )
        recipe = hashlib.sha256(f"{base.id} {install}".encode()).hexdigest()[:12]
        name = f"{repository}:{recipe}"
        made = docker("images", "--format", "{{.Repository}}:{{.Tag}}", repository).split()
        if name not in made:
            _install(base.id, name, install)
            for other in made:  # of a base or a list of packages before
                docker("rmi", other, check=False)
    return name


def _install(base: str, name: str, install: str) -> None:
    container = f"cleanenv-tests-{uuid.uuid4().hex[:12]}"
    try:
        docker("run", "--name", container, "--network", "host", base, "sh", "-c", install, timeout_s=500)
        docker("commit", "--change", 'CMD ["sh"]', container, name, timeout_s=120)
    finally:
        docker("rm", "--force", container, check=False)
