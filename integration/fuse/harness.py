"""A live directory with a real mount, a real server process, and an agent in a thread."""

from __future__ import annotations

import contextlib
import ctypes.util
import os
import select
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from cleanenv import mounts
from cleanenv.model.link import parse_links
from cleanenv.server import control, process
from cleanenv.server.settings import ServedFile, ServerSettings
from tests.server.fake_agent import FakeAgent

ROOT = Path(__file__).parents[2]
FILES = (
    ServedFile("activate", b"# activate\n", 0o644),
    ServedFile("destroy", b"#!/bin/sh\necho destroyed\n"),
)

# How a server is made to use each library of this host: the others are hidden from it.
BINDINGS = {
    name: variables
    for name, library, variables in (
        ("fusepy", "fuse", {}),
        ("mfusepy", "fuse3", {"FUSE_LIBRARY_NAME": "fuse3", "HIDE": "fuse fusepy"}),
    )
    if ctypes.util.find_library(library)
}


@dataclass
class LiveEnvironment:
    """An environment at `root` with its own runtime directory; `close` leaves nothing of it."""

    root: Path
    run: Path
    settings: ServerSettings
    agent: FakeAgent
    pids: set[int] = field(default_factory=set)

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def control(self) -> str:
        return str(self.run / "control.sock")

    @property
    def log(self) -> str:
        return (self.run / "server.log").read_text()

    def start(self) -> int:
        """Start the server or find it; its process id."""
        process.start(self.settings)
        pid = self.status()["pid"]
        assert isinstance(pid, int)
        self.pids.add(pid)
        return pid

    def status(self) -> dict[str, object]:
        return control.request(self.control, "status")

    def exit(self) -> dict[str, object]:
        return control.request(self.control, "exit")

    def reload(self, *links: str, files: tuple[ServedFile, ...] = FILES) -> None:
        settings = replace(self.settings, links=parse_links(links), files=files)
        control.request(self.control, "reload", settings.to_object())

    def state(self) -> mounts.MountState:
        return mounts.state(str(self.bin))

    def names(self) -> list[str]:
        """The programs that a listing shows."""
        return sorted(set(os.listdir(self.bin)) - {"activate", "destroy", "inenv"})

    def program(self, name: str) -> str:
        return str(self.bin / name)

    def close(self) -> None:
        self.agent.stop()
        with contextlib.suppress(OSError, ValueError):
            self.pids.add(int((self.run / "server.lock").read_text()))
        for pid in self.pids:
            kill(pid)
        for _ in range(16):
            if not mounts.entries(str(self.bin)):
                break
            mounts.unmount(str(self.bin), lazy=True)
        # Never through a mount that is still there: it would be the server's files that are asked for.
        assert not mounts.entries(str(self.bin))
        shutil.rmtree(self.root)
        shutil.rmtree(self.run)


def make_environment(root: Path, probe: Path, binding: str, files: dict[str, int], *links: str) -> LiveEnvironment:
    """An environment, not mounted yet. Its container has these files (path to mtime_ns)."""
    (root / "bin").mkdir(parents=True)
    (root / ".cleanenv").mkdir()
    (root / "bin" / "activate").write_text("# beneath\n")
    run = Path(tempfile.mkdtemp(prefix="cleanenv-"))
    (run / "agent").mkdir()
    shadow = run / "shadow"
    shadow.mkdir()
    for module in BINDINGS[binding].get("HIDE", "").split():
        (shadow / f"{module}.py").write_text("raise ImportError('hidden')\n")
    settings = ServerSettings(
        environment=str(root),
        runtime_directory=str(run),
        uid=os.getuid(),
        gid=os.getgid(),
        home="/root",
        links=parse_links(links),
        files=FILES,
        launcher=str(probe),
        python=sys.executable,
        variables=(
            ("PATH", f"{root}/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("PYTHONPATH", f"{shadow}:{ROOT}:{ROOT / 'fuse'}"),
            *BINDINGS[binding].items(),
        ),
    )
    return LiveEnvironment(root, run, settings, FakeAgent(str(run / "agent" / "agent.sock"), files))


def command(program: str, *arguments: str) -> list[str]:
    """The command for a program of the directory: a shell becomes it.

    A child of this process would keep this process, and so the agent in it, waiting for its exec (vfork); that
    needs the agent's answer.
    """
    return ["/bin/sh", "-c", 'exec "$0" "$@"', program, *arguments]


def is_gone(pid: int, timeout_s: float = 10) -> bool:
    """Whether the process ends within the time."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], timeout_s)[0])
    finally:
        os.close(pidfd)


def kill(pid: int) -> None:
    """End a process for good."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    assert is_gone(pid)
