"""The environment that is measured: made for the run, or one that is there already."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cleanenv.cli.context import current_host, engine_connector
from cleanenv.model.container import EngineInfo

__all__ = ["CLEANENV", "MeasuredEnvironment", "existing", "made"]

# The console script, as a user starts it.
CLEANENV = os.path.join(os.path.dirname(sys.executable), "cleanenv")


@dataclass(frozen=True, slots=True)
class MeasuredEnvironment:
    """An environment that links `true`; its container runs. `agent` is the pid of the agent on the host."""

    path: str
    id: str
    container: str
    agent: int
    image: str
    image_id: str
    engine: EngineInfo

    @property
    def bin(self) -> str:
        return os.path.join(self.path, "bin")

    @property
    def true(self) -> str:
        return os.path.join(self.bin, "true")


def existing(path: str) -> MeasuredEnvironment:
    """The environment at that path; `true` must be linked in it."""
    root = os.path.abspath(path)
    status = json.loads(_cleanenv("status", "-e", root, "--json"))
    if not os.access(os.path.join(root, "bin", "true"), os.X_OK):
        sys.exit(f"benchmarks: {root} does not link `true`\nhint: cleanenv link -e {root} /bin/true")
    engine = engine_connector(current_host())()
    try:
        container = engine.container(status["container_id"])
        if container is None or not container.is_running:
            sys.exit(f"benchmarks: the container of {root} does not run\nhint: cleanenv start -e {root}")
        return MeasuredEnvironment(
            path=root,
            id=status["id"],
            container=container.id,
            agent=container.pid,
            image=status["image"],
            image_id=container.image_id,
            engine=engine.info(),
        )
    finally:
        engine.close()


@contextlib.contextmanager
def made(image: str | None, links: Sequence[str] = (), options: Sequence[str] = ()) -> Iterator[MeasuredEnvironment]:
    """An environment in a temporary directory that is destroyed at the end, also after Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    directory = tempfile.mkdtemp(prefix="cleanenv-bench.", dir="/var/tmp")
    os.environ["XDG_STATE_HOME"] = os.path.join(directory, "state")  # the user's list stays as it is
    root = os.path.join(directory, "env")
    try:
        base = [] if image is None else ["--base-image", image]
        # Not captured: the first one ever on a machine pulls or makes an image, and shows its progress.
        # The default links stay: their patterns are asked for every name, as in everybody's environment.
        subprocess.run([CLEANENV, "create", *base, *options, root], check=True)
        for link in links or ("/bin/true",):
            subprocess.run([CLEANENV, "link", "-e", root, link], check=True)
        yield existing(root)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.path.exists(os.path.join(root, ".cleanenv")):
            subprocess.run([CLEANENV, "destroy", root], check=False)
        if not os.path.ismount(os.path.join(root, "bin")):
            shutil.rmtree(directory, ignore_errors=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _cleanenv(*arguments: str) -> str:
    return subprocess.run([CLEANENV, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout
