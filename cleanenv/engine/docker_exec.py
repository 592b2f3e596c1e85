"""Programs that the engine itself starts in a container, by the docker SDK."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from docker.utils.socket import frames_iter

from cleanenv.engine.docker_snapshots import Connect
from cleanenv.engine.docker_values import field_of, text_of
from cleanenv.errors import EngineError
from cleanenv.model.container import Finished

if TYPE_CHECKING:
    import docker

__all__ = ["run"]

_KEPT = 1 << 18  # bytes; the end of an output tells what went wrong


class _Closable(Protocol):
    def close(self) -> None: ...


@contextlib.contextmanager
def _started(api: docker.APIClient, exec_id: str) -> Iterator[object]:
    """Start the program. Its connection is none of the client's pool any more, and nobody else would close it."""
    stream = api.exec_start(exec_id, socket=True)
    response: _Closable = stream._response  # type: ignore[union-attr]  # noqa: SLF001 (where the SDK keeps it)
    try:
        yield stream
    finally:
        response.close()
        stream.close()


def run(connect: Connect, container_id: str, command: Sequence[str], variables: Mapping[str, str]) -> Finished:
    """Run a program as root to its end; both of its outputs are one."""
    with contextlib.closing(connect()) as api:
        made: object = api.exec_create(
            container_id, list(command), user="0:0", workdir="/", environment=dict(variables)
        )
        exec_id = text_of(made, "Id")
        output = b""
        with _started(api, exec_id) as stream:
            for _, chunk in frames_iter(stream, tty=False):  # type: ignore[no-untyped-call]
                output = (output + chunk)[-_KEPT:]
        status = field_of(api.exec_inspect(exec_id), "ExitCode")
    if not isinstance(status, int):
        raise EngineError(f"run {command[0]}", "the engine does not say how it ended")
    return Finished(status, output.decode("utf-8", "replace"))
