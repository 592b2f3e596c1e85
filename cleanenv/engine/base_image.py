"""The image that an environment begins with: the one that was named, or the one like the host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cleanenv.engine.bootstrap import bootstrap, find_tool, host_sources
from cleanenv.engine.host_image import HostImage, matching_image
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.errors import EngineError, EngineUnavailableError, ImageNotFoundError
from cleanenv.model.container import Image

__all__ = ["resolve"]

# For a registry's first sign when there is another way to the image.
_PATIENCE_S = 8.0


def resolve(
    engine: Engine,
    reference: str | None,
    os_release: Mapping[str, str],
    cache_directory: Path,
    progress: ProgressReport,
    *,
    environ: Mapping[str, str],
) -> Image:
    """The image of that reference, local or pulled; without a reference the one that matches `os_release`.

    Where no registry has that one for us and the host is a Debian or Ubuntu, it is made from the
    distribution's mirror, and its tar kept in `cache_directory`; by the name that it gets it can be asked for as well.
    `environ` is for the programs that make it.
    Raises ImageNotFoundError when it is not to be had.
    """
    wanted = matching_image(os_release)
    made = f"localhost/cleanenv/{wanted.reference}"
    if reference not in (None, made):
        return engine.image(reference) or engine.pull(reference, progress)
    for name in (wanted.reference, made):
        if (image := engine.image(name)) is not None:
            return image
    tar = cache_directory / f"{wanted.family}-{wanted.suite}-{platform.machine()}.tar"
    # A tar is there because no registry was; it saves the wait for one.
    if not tar.exists():
        try:
            return engine.pull(wanted.reference, progress, patience_s=_PATIENCE_S)
        except ImageNotFoundError as error:
            if wanted.family is None:
                raise ImageNotFoundError(error.what, error.why, "name another one: --base-image IMAGE") from error
            _make(wanted, tar, os_release, environ, progress, no_registry=error)
    try:
        return engine.import_image(str(tar), made, progress)
    except EngineUnavailableError:
        raise
    except EngineError as error:
        raise EngineError(
            error.what, error.why, error.hint or f"rm {shlex.quote(str(tar))}   # then it is made afresh"
        ) from error


def _make(
    wanted: HostImage,
    tar: Path,
    os_release: Mapping[str, str],
    environ: Mapping[str, str],
    progress: ProgressReport,
    *,
    no_registry: ImageNotFoundError,
) -> None:
    """Bootstrap the image's tar, once, however many ask for it at the same time."""
    tool = find_tool(environ)
    if tool is None:
        raise ImageNotFoundError(
            no_registry.what,
            f"{no_registry.why}; mmdebstrap, to make it from the distribution's mirror, is not installed",
            _as_root("apt-get install mmdebstrap" + ("" if os.geteuid() == 0 else " uidmap")),
        ) from no_registry
    assert wanted.family is not None and wanted.suite is not None  # noqa: S101, PT018 - the caller has seen to it
    name = wanted.reference
    try:
        tar.parent.mkdir(parents=True, exist_ok=True)
        with _alone(tar, lambda: progress(f"waiting for another cleanenv that makes {name}", 0, None)):
            if tar.exists():
                return
            sources = host_sources(wanted.family, wanted.suite, os_release)
            bootstrap(tool, name, sources, tar, environ, progress)
    except OSError as error:
        raise EngineError(f"make image {name}", f"{error.filename or tar}: {error.strerror}") from error


@contextlib.contextmanager
def _alone(tar: Path, report_waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock for that tar. The kernel lets go of it when its holder dies."""
    descriptor = os.open(tar.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report_waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _as_root(command: str) -> str:
    return command if os.geteuid() == 0 else f"sudo {command}"
