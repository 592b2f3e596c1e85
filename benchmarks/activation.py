"""What entering an environment adds to a shell, and how long it takes beside the engine's start of its container."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Iterator

from benchmarks import environment, spawn
from benchmarks.environment import MeasuredEnvironment
from cleanenv.cli.context import current_host, engine_connector

__all__ = ["TITLES", "ways"]

TITLES = {
    "shell": "a shell that does nothing",
    "warm": "one that activates, container running",
    "start": "docker start",
    "cold": "a shell that activates, container stopped",
}
_SHELL = ["/bin/bash", "--norc", "--noprofile", "-c"]
_STOP_S = 10


@contextlib.contextmanager
def ways(measured: MeasuredEnvironment) -> Iterator[dict[str, Callable[[], float]]]:
    """Milliseconds of each of TITLES, in an environment of its own; without docker's command, of those without it.

    It is persistent: else its container would be stopped when a measured shell ends.
    """
    engine = engine_connector(current_host())()
    with contextlib.closing(engine), environment.made(measured.image, options=["--persistent"]) as own:
        activating = [*_SHELL, f". {shlex.quote(os.path.join(own.bin, 'activate'))}"]

        def running(command: list[str]) -> Callable[[], float]:
            def measure() -> float:
                engine.start_container(own.container)
                spawn.run([own.true])  # its agent answers
                return spawn.milliseconds(command)

            return measure

        def stopped(command: list[str]) -> Callable[[], float]:
            def measure() -> float:
                engine.stop_container(own.container, _STOP_S)
                return spawn.milliseconds(command)

            return measure

        measures = {"shell": running([*_SHELL, ":"]), "warm": running(activating), "cold": stopped(activating)}
        client = shutil.which("docker")
        if client is not None:
            measures["start"] = stopped([client, "start", own.container])
        yield measures
