"""Debian's docker-registry on this machine, which takes and gives images without TLS, as engines allow for 127.*."""

from __future__ import annotations

import socket
import subprocess
import threading
from pathlib import Path

__all__ = ["DockerRegistry"]

_CONFIGURATION = """\
version: 0.1
log:
  level: error
storage:
  filesystem:
    rootdirectory: {directory}
http:
  addr: {address}
"""
_TIMEOUT_S = 30.0


class DockerRegistry:
    """Serves what was pushed to it, until it is closed. Its files are below `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        configuration = directory / "config.yml"
        configuration.write_text(_CONFIGURATION.format(directory=directory, address=self.address))
        with open(directory / "log", "wb") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", configuration], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        tick, waited = threading.Event(), 0.0
        while not self._answers():
            assert self._process.poll() is None, (directory / "log").read_text()[-2000:]
            assert waited < _TIMEOUT_S, "it does not answer"
            waited += 0.05
            tick.wait(0.05)  # nothing tells when it listens

    @property
    def blobs(self) -> int:
        """How many there are: configurations, manifests and layers."""
        return len(list(self.directory.glob("docker/registry/v2/blobs/sha256/*/*/data")))

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(_TIMEOUT_S)

    def _answers(self) -> bool:
        host, _, port = self.address.partition(":")
        try:
            socket.create_connection((host, int(port)), timeout=1.0).close()
        except OSError:
            return False
        return True
