"""The launcher and the agent against each other on the host: no container, no FUSE, the real programs."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from cleanenv.launch_table import dump_launch_table
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Profile
from cleanenv.server.launcher import patch_launcher

NATIVE = Path(os.environ.get("CLEANENV_TEST_NATIVE") or Path(__file__).parents[2] / "cleanenv" / "native")

# The container is the host here, so every path is the same on both sides.
IDENTITY = (Mount("/", "/", writable=True),)

USUAL = (
    *(Link(name, f"/bin/{name}") for name in ("bash", "cat", "env", "false", "pwd", "sh", "sleep", "true", "tty")),
    Link("python3", "/usr/bin/python3"),
)


@dataclass(frozen=True, slots=True)
class HostEnvironment:
    """An environment whose agent runs on the host. `bin` holds a launcher for each link."""

    runtime: Path
    bin: Path
    agent: subprocess.Popen[bytes]
    python: str = "/none/python"

    def run(self, name: str, *arguments: str | bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("timeout", 30)
        return subprocess.run([self.bin / name, *arguments], check=False, **options)  # type: ignore[call-overload, no-any-return]

    def popen(self, name: str, *arguments: str | bytes, **options: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([self.bin / name, *arguments], **options)  # type: ignore[call-overload, no-any-return]

    @property
    def socket_path(self) -> str:
        return str(self.runtime / "agent" / "agent.sock")

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(10)
        connection.connect(self.socket_path)
        return connection

    def link(
        self,
        *links: Link,
        mounts: tuple[Mount, ...] = IDENTITY,
        profiles: Sequence[Profile] = (),
        deny: Sequence[str] = (),
        allow: Sequence[str] = (),
    ) -> None:
        """Replace the launch table and put a launcher for each named link into the directory."""
        home = os.path.expanduser("~")
        table = dump_launch_table(
            str(self.runtime),
            home,
            mounts,
            links,
            python=self.python,
            profiles=profiles,
            denied_variables=deny,
            allowed_variables=allow,
        )
        (self.runtime / "launch-table").write_bytes(table)
        for link in links:
            if link.name is not None:
                self.serve(link.name)

    def serve(self, name: str) -> None:
        """What the live directory does: a file of that name with the launcher's bytes."""
        path = self.bin / name
        if not path.exists():
            launcher = NATIVE / "launcher"
            path.write_bytes(patch_launcher(launcher.read_bytes(), str(self.runtime), str(launcher)))
            path.chmod(0o755)


def start_agent(runtime: Path, *extra: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start an agent for this user and wait until it listens."""
    (runtime / "agent").mkdir(exist_ok=True)
    path = runtime / "agent" / "agent.sock"
    watched = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    agent = subprocess.Popen(
        [
            NATIVE / "agent", "--socket", str(path), "--owner", str(os.getuid()), "--user", "tester",
            "--uid", str(os.getuid()), "--home", os.path.expanduser("~"), "--group", f"testers:{os.getgid()}", *extra,
        ],
        cwd="/",
        stderr=stderr,
    )  # fmt: skip
    with watched:
        while agent.poll() is None:
            try:
                watched.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                os.sched_yield()
            else:
                return agent
    raise AssertionError(f"the agent ended with {agent.returncode}")


@contextlib.contextmanager
def host_environment(*options: str) -> Iterator[HostEnvironment]:
    """A new environment with the usual programs, its agent with these options; all is gone afterwards."""
    runtime = Path(tempfile.mkdtemp(prefix="cleanenv-"))
    (runtime / "bin").mkdir()
    agent = start_agent(runtime, *options)
    environment = HostEnvironment(runtime, runtime / "bin", agent)
    environment.link(*USUAL)
    environment.serve("inenv")
    try:
        yield environment
    finally:
        agent.kill()
        agent.wait()
        shutil.rmtree(runtime)


@pytest.fixture(scope="module")
def shared_agent() -> Iterator[HostEnvironment]:
    """One agent for the tests of a module."""
    with host_environment() as environment:
        yield environment


@pytest.fixture
def environment(shared_agent: HostEnvironment) -> HostEnvironment:
    """The module's environment with the usual links, whatever a test before has linked."""
    shared_agent.link(*USUAL)
    return shared_agent


@pytest.fixture
def own_environment() -> Iterator[HostEnvironment]:
    """An environment for one test, which may break it."""
    with host_environment() as environment:
        yield environment
