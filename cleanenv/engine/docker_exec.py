"""Programs that the engine itself starts in a container, by the docker SDK."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from cleanenv.engine.docker_snapshots import Connect
from cleanenv.engine.docker_values import field_of, text_of
from cleanenv.errors import EngineError
from cleanenv.model.container import Finished

__all__ = ["run"]

_KEPT = 1 << 18  # bytes; the end of an output tells what went wrong


def run(connect: Connect, container_id: str, command: Sequence[str], variables: Mapping[str, str]) -> Finished:
    """Run a program as root to its end; both of its outputs are one."""
    with contextlib.closing(connect()) as api:
        made: object = api.exec_create(
            container_id, list(command), user="0:0", workdir="/", environment=dict(variables)
        )
        exec_id = text_of(made, "Id")
        chunks: Iterator[bytes] = api.exec_start(exec_id, stream=True)
        output = b""
        for chunk in chunks:
            output = (output + chunk)[-_KEPT:]
        status = field_of(api.exec_inspect(exec_id), "ExitCode")
    if not isinstance(status, int):
        raise EngineError(f"run {command[0]}", "the engine does not say how it ended")
    return Finished(status, output.decode("utf-8", "replace"))
