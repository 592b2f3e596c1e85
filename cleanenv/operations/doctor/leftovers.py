"""What is left of environments that are no more: of a directory that was removed by hand, of a create that was killed.

What may hold something of the user's is never mended by itself: a container that has run has changes in it, and its
environment's directory may come back with a disk that is not mounted now. Nor is what the user's list does not know:
another list (XDG_STATE_HOME) may.
"""

from __future__ import annotations

import os
import shlex
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cleanenv import mounts
from cleanenv.engine.port import Engine
from cleanenv.environments import open_environment
from cleanenv.errors import CleanenvError, EnvironmentNotFoundError
from cleanenv.files import is_locked
from cleanenv.model.container import Container
from cleanenv.model.environment import EnvironmentPaths, RuntimePaths, is_environment_id
from cleanenv.model.host import Host
from cleanenv.operations.containers import ID_LABEL, PATH_LABEL, own_containers
from cleanenv.operations.destroy import destroy_damaged
from cleanenv.operations.doctor.finding import Finding
from cleanenv.registry import Registry
from cleanenv.runtime import choose_runtime_directory

__all__ = ["examine"]

_LET_GO_S = 10.0
_POLL_S = 0.01  # the kernel tells of a lock that is free only who waits for it without an end


def examine(host: Host, engine: Engine | None) -> Iterator[Finding]:
    """The findings. Without an engine only the mounts: whether anything else is of use, its container tells."""
    registry = Registry(host.state_directory)
    if engine is not None:
        search = _Search(host, engine, registry.entries(), own_containers(engine, host.user.uid))
        yield from search.half_made()
        yield from search.containers()
        yield from search.list_entries()
        yield from search.runtime_directories()
    yield from _mounts(host, {root: identifier for identifier, root in registry.entries().items()})


@dataclass(frozen=True, slots=True)
class _Search:
    """`listed` is the user's list, `own` are the user's containers."""

    host: Host
    engine: Engine
    listed: dict[str, Path]
    own: tuple[Container, ...]

    def half_made(self) -> Iterator[Finding]:
        for identifier, root in self.listed.items():
            if not _is_half_made(root) or self._is_in_use(identifier):
                continue
            is_unused = all(c.status == "created" for c in self.own if dict(c.labels)[ID_LABEL] == identifier)
            why = "it is half-made: a create was killed" if is_unused else "its state file is missing"
            yield Finding(
                f"environment {root}",
                why,
                _destroy(root),
                partial(destroy_damaged, root, self.host, self.engine) if is_unused else None,
            )

    def containers(self) -> Iterator[Finding]:
        for container in self.own:
            labels = dict(container.labels)
            identifier, root = labels[ID_LABEL], Path(labels.get(PATH_LABEL, ""))
            if _is_at(identifier, root) or _is_half_made(root) or self._is_in_use(identifier):
                continue
            what = f"container {container.name}"
            if _is_gone(root):
                yield Finding(what, f"its environment {root} is gone", _destroy(root))
            else:
                why = f"its environment is gone, and another one is at {root}"
                yield Finding(what, why, f"{self.engine.info().kind} rm --force {container.name}")

    def list_entries(self) -> Iterator[Finding]:
        for identifier, root in self.listed.items():
            is_needed = _is_at(identifier, root) or _is_half_made(root) or self._has_container(identifier)
            if not is_needed and not self._is_in_use(identifier):
                yield Finding(
                    f"environment {root}",
                    "it is gone, and still in the list",
                    _destroy(root) if _is_gone(root) else "cleanenv doctor --fix",
                    partial(self._forget, identifier),
                )

    def runtime_directories(self) -> Iterator[Finding]:
        base = Path(self._runtime("")).parent
        names = sorted(filter(is_environment_id, os.listdir(base))) if base.is_dir() else ()
        for identifier in names:
            if identifier in self.listed or self._has_container(identifier) or self._is_in_use(identifier):
                continue
            directory = base / identifier
            yield Finding(
                f"runtime directory {directory}",
                "its environment is gone",
                f"rm -r {directory}",
                partial(shutil.rmtree, directory),
            )

    def _runtime(self, identifier: str) -> str:
        return choose_runtime_directory(self.host, identifier or "0" * 12)

    def _is_in_use(self, identifier: str) -> bool:
        """Whether a command or a server is at work on it just now."""
        runtime = RuntimePaths(Path(self._runtime(identifier)))
        return is_locked(runtime.lock) or is_locked(runtime.server_lock)

    def _has_container(self, identifier: str) -> bool:
        return any(dict(container.labels)[ID_LABEL] == identifier for container in self.own)

    def _forget(self, identifier: str) -> None:
        Registry(self.host.state_directory).remove(identifier)
        shutil.rmtree(self._runtime(identifier), ignore_errors=True)


def _mounts(host: Host, listed: dict[Path, str]) -> Iterator[Finding]:
    for entry in mounts.live_directories():
        point = Path(entry.mount_point)
        if entry.owner != host.user.uid or not _is_gone(point.parent):
            continue
        unmount = "umount -l" if host.user.uid == 0 else "fusermount3 -uz"
        identifier = listed.get(point.parent)
        yield Finding(
            f"live directory {point}",
            "it is mounted, and its environment is gone",
            f"{unmount} {shlex.quote(str(point))}",
            partial(_unmount, host, str(point), identifier) if identifier else None,
        )


def _unmount(host: Host, point: str, identifier: str) -> None:
    """Unmount it, and wait until its server has let go: what else is left of the environment is in use until then."""
    mounts.unmount(point, lazy=True)
    lock = RuntimePaths(Path(choose_runtime_directory(host, identifier))).server_lock
    deadline = time.monotonic() + _LET_GO_S
    while is_locked(lock) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _is_at(identifier: str, root: Path) -> bool:
    """Whether the environment is there, or may be: what cannot be read is not gone."""
    try:
        return open_environment(root, with_configuration=False).state.id == identifier
    except EnvironmentNotFoundError:
        return False
    except CleanenvError:
        return True


def _is_gone(root: Path) -> bool:
    """Whether there is nothing of an environment at that path."""
    try:
        open_environment(root, with_configuration=False)
    except EnvironmentNotFoundError:
        return not EnvironmentPaths(root).private.exists()
    except CleanenvError:
        pass
    return False


def _is_half_made(root: Path) -> bool:
    paths = EnvironmentPaths(root)
    return paths.private.is_dir() and not os.path.lexists(paths.state)


def _destroy(root: Path) -> str:
    return f"cleanenv destroy {shlex.quote(str(root))}"
