"""A frozen environment as an image, with its whole history: to be pushed to a registry, or as a file."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import cleanenv
from cleanenv.configuration_file import dump_configuration
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, open_environment
from cleanenv.errors import EnvironmentStateError, UsageError
from cleanenv.files import locked
from cleanenv.model.history import chain_id
from cleanenv.model.packed import LABEL, Packed, dump_packed
from cleanenv.operations.containers import ID_LABEL, OWNER_LABEL, PATH_LABEL, SNAPSHOT_LABEL
from cleanenv.operations.snapshots.images import TEMPORARY_LABEL, image_of, repository_of
from cleanenv.runtime import make_runtime_directory

__all__ = ["check_image_name", "check_output", "is_snapshot_reference", "pack", "snapshot_reference"]

# The name of an image (distribution reference grammar), its tag short enough to be followed by `-snapshot-NUMBER`.
_NAME = re.compile(
    r"(?P<repository>(?:[A-Za-z0-9.-]+(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,100}))?",
    re.ASCII,
)

_SNAPSHOT = re.compile(r"-snapshot-\d+\Z", re.ASCII)


def check_image_name(name: str, what: str) -> str:
    """The name with its tag, which is `latest` by default. Raises UsageError, naming `what`."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise UsageError(what, f"{name!r} is no name of an image", "use [REGISTRY/]NAME[:TAG]")
    return f"{found['repository']}:{found['tag'] or 'latest'}"


def snapshot_reference(name: str, number: int) -> str:
    """What the image of a snapshot is called beside an image of that name."""
    return f"{name}-snapshot-{number}"


def is_snapshot_reference(name: str) -> bool:
    """Whether it is such a name."""
    return _SNAPSHOT.search(name) is not None


def check_output(path: Path) -> None:
    """Raises UsageError where no file can be written."""
    if path.is_dir():
        raise UsageError(f"file {path}", "it is a directory", "name a file")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"file {path}", f"{path.parent} is no directory that can be written to", "name another file")


def pack(
    root: Path, *, name: str | None, output: Path | None, connect: Callable[[], Engine], progress: ProgressReport
) -> None:
    """Make the image `name` of a frozen environment, and one of each snapshot beside it, or write them to `output`.

    The file is there when it is complete. Nothing is held: programs can be called meanwhile.
    """
    environment = open_environment(root)
    if not environment.state.frozen:
        raise EnvironmentStateError(f"environment {root}", "it is not frozen any more")
    engine = connect()
    make_runtime_directory(environment.state.runtime_directory, os.geteuid())
    history = environment.state.history
    # Keeps others from taking the image that is made here for a leftover.
    with locked(environment.runtime.exports, shared=True):
        images = [image_of(engine, environment, each) for each in history.snapshots]
        for done, (snapshot, image) in enumerate(zip(history.snapshots, images, strict=True)):
            progress("packing the snapshots", done, len(images))
            if name is not None:
                engine.tag_image(image.id, snapshot_reference(name, snapshot.id))
        # Last: what has this name has all its snapshots beside it.
        tag = name or f"{repository_of(environment.state.id)}:environment"
        labels = _labels(environment, chain_id(images[0].layers), is_temporary=name is None)
        engine.label_image(history.current.image_id, tag, labels)
        try:
            if output is not None:
                references = [
                    snapshot_reference(name, each.id) if name else each.image_id for each in history.snapshots
                ]
                with engine.save_images([tag, *references]) as chunks:
                    _write(output, chunks, images[0].size + history.disk_use, progress)
        finally:
            if name is None:
                engine.untag_image(tag)


def _labels(environment: Environment, base: str, *, is_temporary: bool) -> dict[str, str]:
    """It is nobody's image, unless it goes when it is written to a file."""
    state = environment.state
    packed = Packed(
        cleanenv_version=cleanenv.__version__,
        image_name=state.image_name,
        base=base,
        user=state.user,
        configuration=dump_configuration(environment.configuration).decode("utf-8", "surrogateescape"),
        # Of no use elsewhere, and an engine takes a label of at most some 600 kB.
        history=state.history.with_images(dict.fromkeys((each.id for each in state.history.snapshots), "")),
    )
    none = dict.fromkeys((ID_LABEL, SNAPSHOT_LABEL, PATH_LABEL, OWNER_LABEL), "")
    return {**none, LABEL: dump_packed(packed), TEMPORARY_LABEL: state.id if is_temporary else ""}


def _write(path: Path, chunks: Iterator[bytes], total: int, progress: ProgressReport) -> None:
    """Readable for the owner alone: the configuration may hold secrets."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            done = 0
            for chunk in chunks:
                file.write(chunk)
                done += len(chunk)
                progress(f"writing {path.name}", done, max(done, total))
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise EnvironmentStateError(f"file {path}", error.strerror or str(error)) from error
        raise
