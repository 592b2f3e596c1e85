"""The images of these tests: a busybox of 2 MB, and a Debian with Python and a compiler; made once a machine."""

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

__all__ = ["BUSYBOX", "DEBIAN", "docker", "make_busybox", "make_debian"]

_REPOSITORY = "localhost/cleanenv-tests"
BUSYBOX = f"{_REPOSITORY}/busybox"
DEBIAN = f"{_REPOSITORY}/debian"

_PACKAGES = "gcc git less libc6-dev make openssh-client procps python3-pytest-xdist python3-minimal sudo vim"
_INSTALL = (
    "apt-get update -q"
    f" && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends {_PACKAGES}"
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
    """The name of an image like the host, with the packages; it stays in the engine for the next time."""
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
        recipe = hashlib.sha256(f"{base.id} {_INSTALL}".encode()).hexdigest()[:12]
        name = f"{DEBIAN}:{recipe}"
        made = docker("images", "--format", "{{.Repository}}:{{.Tag}}", DEBIAN).split()
        if name not in made:
            _install(base.id, name)
            for other in made:  # of a base or a list of packages before
                docker("rmi", other, check=False)
    return name


def _install(base: str, name: str) -> None:
    container = f"cleanenv-tests-{uuid.uuid4().hex[:12]}"
    try:
        docker("run", "--name", container, "--network", "host", base, "sh", "-c", _INSTALL, timeout_s=500)
        docker("commit", "--change", 'CMD ["sh"]', container, name, timeout_s=120)
    finally:
        docker("rm", "--force", container, check=False)
