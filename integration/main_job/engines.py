"""An engine of a test's own, which may be stopped, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

from cleanenv.engine.probe import Endpoint, EngineVersion, probe

__all__ = ["SecondEngine"]

_TIMEOUT_S = 60.0


class SecondEngine:
    """A dockerd with its files below `directory`, in a network of its own: the bridge of this one is another's."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"unix://{directory}/s"

    def start(self) -> None:
        """Start it and wait until it answers."""
        (self._directory / "pid").unlink(missing_ok=True)
        with open(self._directory / "log", "ab") as log:
            self._process = subprocess.Popen(
                [
                    *("unshare", "--net", "--mount", "dockerd"),
                    *("--data-root", self._directory / "data", "--exec-root", self._directory / "exec"),
                    *("--pidfile", self._directory / "pid", "--host", self.address, "--bridge", "none"),
                    *("--iptables=false", "--ip-masq=false"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        tick, waited = threading.Event(), 0.0
        while not self._answers():
            assert self._process.poll() is None, (self._directory / "log").read_text()[-2000:]
            assert waited < _TIMEOUT_S, "it does not answer"
            waited += 0.1
            tick.wait(0.1)  # nothing tells when a daemon is ready

    def stop(self) -> None:
        """End it as a restart of its service does: its containers end with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(_TIMEOUT_S)
            self._process = None

    def close(self) -> None:
        """End it with all that it has mounted."""
        self.stop()
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            point = line.split()[4]
            if point.startswith(f"{self._directory}/"):
                subprocess.run(["umount", "--lazy", point], check=False)

    def docker(self, *arguments: str) -> str:
        """What the docker command says of it."""
        environment = {**os.environ, "DOCKER_HOST": self.address}
        return subprocess.run(
            ["docker", *arguments], check=True, capture_output=True, text=True, env=environment, timeout=_TIMEOUT_S
        ).stdout.strip()

    def copy_image(self, name: str) -> None:
        """Take an image from the engine that the tests use."""
        saved = subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE)
        environment = {**os.environ, "DOCKER_HOST": self.address}
        with saved:
            subprocess.run(["docker", "load", "--quiet"], stdin=saved.stdout, check=True, env=environment)

    def _answers(self) -> bool:
        return isinstance(probe(Endpoint(self.address), 5.0), EngineVersion)
