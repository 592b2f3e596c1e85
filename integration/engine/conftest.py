"""A real engine, a small image in it, and the certainty that nothing of it stays."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cleanenv.engine.select import connect
from cleanenv.model.container import ContainerSpec
from cleanenv.model.mount import Mount

if TYPE_CHECKING:
    from cleanenv.engine.port import Engine
    from cleanenv.model.container import Image

LABEL = "cleanenv.test"
PASSWD = b"root:x:0:0:root:/root:/bin/sh\n"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    engine = connect(os.environ, os.getuid())
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def session_name() -> str:
    return f"cleanenv-test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a static program that behaves like an agent."""
    path = tmp_path_factory.mktemp("agent") / "agent"
    compiler = shutil.which("musl-gcc") or "cc"
    source = Path(__file__).with_name("agent.c")
    subprocess.run([compiler, "-static", "-Os", "-o", path, source], check=True)
    return str(path)


@pytest.fixture(scope="session")
def busybox_tar(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A root file system of one program, and the links to it that a shell script needs."""
    program = next((p for p in ("/bin/busybox", "/usr/bin/busybox") if os.path.exists(p)), None)
    assert program is not None, "busybox-static is not installed (apt-get install busybox-static)"
    path = tmp_path_factory.mktemp("image") / "busybox.tar"
    with tarfile.open(path, "w") as tar:
        for directory in ("bin", "r"):
            info = tarfile.TarInfo(directory)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        tar.add(program, "bin/busybox")
        passwd = tarfile.TarInfo("etc/passwd")
        passwd.size = len(PASSWD)
        tar.addfile(passwd, io.BytesIO(PASSWD))
        for name in ("sh", "cat", "touch", "mkdir", "rm", "ls", "sed", "id", "env", "stat", "grep"):
            info = tarfile.TarInfo(f"bin/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(info)
    return str(path)


@pytest.fixture(scope="session")
def image(engine: Engine, busybox_tar: str, session_name: str) -> Iterator[Image]:
    image = engine.import_image(busybox_tar, f"localhost/{session_name}/busybox:1", lambda *_: None)
    yield image
    engine.remove_image(image.id)


@pytest.fixture
def label(engine: Engine) -> Iterator[str]:
    """A label of this test's own; the containers that carry it go with the test."""
    label = f"{LABEL}.{uuid.uuid4().hex[:12]}"
    yield label
    for container in engine.containers(label):
        engine.remove_container(container.id)


@pytest.fixture
def spec(image: Image, agent: str, label: str, tmp_path: Path) -> ContainerSpec:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    host_directory = tmp_path / "host"
    host_directory.mkdir()
    return ContainerSpec(
        name=label.replace(".", "-"),
        image_id=image.id,
        agent=agent,
        agent_directory=str(runtime),
        host_directory=str(host_directory),
        arguments=(),
        mounts=(),
        labels=((label, "1"), (LABEL, "1")),
    )


Run = Callable[..., str]


@pytest.fixture
def run(engine: Engine, spec: ContainerSpec) -> Run:
    """Run a shell script as the root of a container with those mounts; gives its output."""

    def run(script: str, *mounts: Mount, environment: tuple[str, ...] = (), network: str = "host") -> str:
        container = engine.create_container(
            replace(
                spec,
                # One stream: the order between two is lost in the log.
                arguments=("sh", "-c", f"exec 2>&1\n{script}"),
                mounts=mounts,
                environment=environment,
                network=network,
            )
        )
        try:
            engine.start_container(container.id)
            wait_for_end(container.id)
            return engine.logs(container.id, lines=10_000)
        finally:
            engine.remove_container(container.id)

    return run


def docker(*arguments: str) -> str:
    """What a docker command says: the view from outside cleanenv."""
    finished = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, timeout=60)
    return finished.stdout.strip()


def wait_for_end(container_id: str) -> int:
    """The exit status of the container's first process, when it has ended."""
    return int(docker("wait", container_id))
