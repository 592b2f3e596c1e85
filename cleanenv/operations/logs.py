"""What an environment's parts have written: its hooks, its server, its container."""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, open_environment
from cleanenv.errors import EnvironmentStateError, UsageError

__all__ = ["Part", "Piece", "follow_logs", "read_logs"]

_BLOCK = 64 << 10
_POLL_S = 0.25


class Part(enum.Enum):
    """Who writes."""

    HOOKS = "hooks"
    """The programs of on_activate, on_deactivate and on_destroy; so the services."""
    SERVER = "server"
    CONTAINER = "container"
    """The agent."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that was written, as it was. `place` is a file, or how to get at it."""

    part: Part
    place: str
    content: bytes


def read_logs(root: Path, parts: Collection[Part], lines: int, *, connect: Callable[[], Engine]) -> Iterator[Piece]:
    """The last lines of each part that has written something. The engine is asked for the container alone."""
    environment = open_environment(root, with_configuration=False)
    for part in parts:
        if part is Part.CONTAINER:
            engine = connect()
            identifier = environment.state.container_id
            if engine.container(identifier) is None:
                continue
            place = f"{engine.info().kind} logs {identifier[:12]}"
            content = engine.logs(identifier, lines).encode("utf-8", "surrogateescape")
        else:
            path = _file(environment, part)
            place, content = str(path), _last_lines(path, lines)
        if content:
            yield Piece(part, place, content)


def follow_logs(root: Path, parts: Collection[Part], lines: int) -> Iterator[Piece]:
    """The last lines, then what is written, until the environment is destroyed. Raises UsageError for the container."""
    environment = open_environment(root, with_configuration=False)
    if Part.CONTAINER in parts:
        why = "only the engine can follow what the container writes"
        raise UsageError("option --follow", why, f"docker logs --follow {environment.state.container_id[:12]}")
    ends = {}
    for part in parts:
        path = _file(environment, part)
        ends[part] = path.stat().st_size if path.exists() else 0
        if content := _last_lines(path, lines, ends[part]):
            yield Piece(part, str(path), content)
    while environment.paths.private.exists():
        for part, end in ends.items():
            path = _file(environment, part)
            content = _new(path, end)
            ends[part] = end + len(content) if content or not _is_shorter(path, end) else 0
            if content:
                yield Piece(part, str(path), content)
        time.sleep(_POLL_S)


def _file(environment: Environment, part: Part) -> Path:
    return environment.paths.log if part is Part.HOOKS else environment.runtime.server_log


def _last_lines(path: Path, lines: int, end: int | None = None) -> bytes:
    """The last lines of what is before `end`; none where there is no file. Raises EnvironmentStateError."""
    try:
        with open(path, "rb") as file:
            begin = file.seek(0, os.SEEK_END) if end is None else end
            content = b""
            while begin > 0 and content.count(b"\n") <= lines:
                size = min(_BLOCK, begin)
                begin -= size
                file.seek(begin)
                content = file.read(size) + content
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise EnvironmentStateError(f"log {path}", error.strerror or str(error)) from error
    parts = content.split(b"\n")  # the last one is empty, unless somebody is writing a line
    return b"\n".join(parts[-lines - (parts[-1] == b"") :]) if lines else b""


def _new(path: Path, begin: int) -> bytes:
    try:
        with open(path, "rb") as file:
            file.seek(begin)
            return file.read(_BLOCK)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise EnvironmentStateError(f"log {path}", error.strerror or str(error)) from error


def _is_shorter(path: Path, end: int) -> bool:
    """Whether it was begun again: the server's log is, when it is long and the server starts."""
    return not path.exists() or path.stat().st_size < end
