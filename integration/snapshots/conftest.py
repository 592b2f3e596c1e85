"""Environments with a history."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cleanenv.environments import open_environment
from cleanenv.files import locked
from integration.main_job.caller import Argument, Caller, Environment, Result, finish
from integration.main_job.pausing_engine import PausingEngine

__all__ = ["History", "Make", "kill"]


@dataclass(frozen=True, slots=True)
class History:
    """The snapshots of an environment, as its user sees them."""

    environment: Environment

    def run(self, verb: str, *arguments: Argument) -> Result:
        """Run `cleanenv snapshot`, until what it does in the background is done too."""
        result = self.environment.caller.cleanenv("snapshot", verb, "-e", self.environment.path, *arguments)
        with locked(open_environment(self.environment.path).runtime.lock):
            return result

    def done(self, verb: str, *arguments: Argument) -> str:
        """What it says on stderr when it succeeds."""
        result = self.run(verb, *arguments)
        assert (result.returncode, result.stdout) == (0, ""), result
        return result.stderr

    def sh(self, script: str) -> Result:
        """Run a script in the container."""
        return self.environment.run("sh", "-c", script)

    def files(self) -> list[str]:
        """What is in the home of its user in the container."""
        return self.sh("ls ~").output.split()

    @property
    def told(self) -> dict[str, object]:
        """The list for programs."""
        told: dict[str, object] = json.loads(self.run("list", "--json").output)
        return told

    @property
    def snapshots(self) -> list[dict[str, object]]:
        """Those of the list."""
        listed = self.told["snapshots"]
        assert isinstance(listed, list)
        return listed

    @property
    def names(self) -> list[object]:
        """Of all, in their order."""
        return [each["name"] for each in self.snapshots]

    @property
    def position(self) -> object:
        """The number of the one where the environment is."""
        return self.told["position"]


Make = Callable[..., History]

ENGINE = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A short path: sockets lie in it."""
    directory = Path(tempfile.mkdtemp(prefix="ce-", dir="/var/tmp"))
    directory.chmod(0o777)
    yield directory
    shutil.rmtree(directory)


def kill(caller: Caller, sockets: Path, *arguments: Argument, before: str = "", after: str = "") -> None:
    """Kill a cleanenv command, or what it does in the background, at that request to the engine."""
    with PausingEngine(sockets / "engine", ENGINE, before=before, after=after) as engine:
        user = caller.with_variables(DOCKER_HOST=engine.address)
        process = user.start([user.executable, *arguments])
        engine.wait()
        os.kill(engine.waiting, signal.SIGKILL)
        finish(process)


@pytest.fixture
def make(caller: Caller, place: Path, busybox: str) -> Make:
    """Make an environment of the small image, or of another one."""

    def make(*options: Argument, image: str = busybox) -> History:
        environment = Environment(place / "env", caller)
        result = caller.cleanenv("create", "-b", image, "--link", "/bin/sh", *options, environment.path)
        assert result.returncode == 0, result
        return History(environment)

    return make
