"""`cleanenv create --from`: the frozen environment that is meant."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cleanenv.cli.context import warn
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.errors import UsageError

if TYPE_CHECKING:
    from cleanenv.operations.snapshots.unpack import FrozenOrigin

__all__ = ["open_origin", "warn_of_other_owner"]


@contextlib.contextmanager
def open_origin(
    source: str | None, connect: Callable[[], Engine], progress: ProgressReport
) -> Iterator[tuple[Callable[[], Engine], FrozenOrigin | None]]:
    """The file or the image, and what connects to the engine from now on. A file is read without one."""
    from cleanenv.operations.snapshots.unpack import is_file, open_file, open_images

    if source is None:
        yield connect, None
    elif not source:
        raise UsageError("option --from", "its name is empty", "--from FILE, or --from IMAGE")
    elif is_file(source):
        progress(f"reading {source}", 0, None)  # all of it, if it is compressed
        with open_file(Path(source).expanduser()) as origin:
            yield connect, origin
    else:
        engine = connect()
        with open_images(engine, source, progress) as origin:
            yield lambda: engine, origin


def warn_of_other_owner(origin: FrozenOrigin | None, uid: int) -> None:
    """Say that the files of the frozen environment belong to another user than who is its user here."""
    if origin is not None and origin.packed.user.uid != uid:
        warn(f"its files belong to user {origin.packed.user.uid}, and its programs run as user {uid}")
