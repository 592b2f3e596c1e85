"""What a command still does when it has given its answer."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from pathlib import Path

from cleanenv.errors import CleanenvError

__all__ = ["run"]


def run(work: Callable[[], None], log: Path) -> None:
    """Return at once; a copy of this process does the work, and nobody waits for it. Errors are told in the log.

    It holds the locks that are held now until it ends: they belong to the open file (flock(2)). Keys of the terminal do
    not reach it. Raises OSError when there can be no copy.
    """
    if os.fork():
        return
    try:
        os.setsid()
        with open(log, "ab", opener=_private) as file, open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
            # Whoever reads what the command said sees its end now.
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        work()
    except CleanenvError as error:
        os.write(2, f"cleanenv: {error}\n".encode("utf-8", "surrogateescape"))
    except BaseException:  # noqa: BLE001 (what called this must not go on twice)
        os.write(2, traceback.format_exc().encode("utf-8", "surrogateescape"))
    finally:
        os._exit(0)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
