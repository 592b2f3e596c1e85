"""The way to an environment's agent, closed while its container is being stopped.

The directory with the agent's sockets is moved to where no launcher looks. A call that comes meanwhile finds no agent,
so it asks the environment server for a start, which waits for the stop. What the container has mounted is the directory
itself, wherever it is; so cleanenv's own calls (TABLE_LINK_HOOK) get through.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator

from cleanenv.model.environment import RuntimePaths

__all__ = ["close", "closed", "open_again", "put_back", "renew"]


@contextlib.contextmanager
def closed(runtime: RuntimePaths) -> Iterator[None]:
    """Keep new calls out during the block. Whoever does this holds the environment's lock. Raises OSError."""
    close(runtime)
    try:
        yield
    finally:
        open_again(runtime)


def close(runtime: RuntimePaths) -> None:
    """Keep new calls out from now on. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(runtime.agent_directory, runtime.closing_directory)


def renew(runtime: RuntimePaths) -> None:
    """Keep new calls out, and make a way to the container that is to take the present one's place. Raises OSError."""
    if not runtime.closing_directory.exists():
        close(runtime)
    runtime.agent_directory.mkdir(mode=0o700, exist_ok=True)


def put_back(runtime: RuntimePaths) -> None:
    """Undo what `renew` did: the present container keeps its place; nobody is let in to it yet. Raises OSError."""
    shutil.rmtree(runtime.agent_directory)


def open_again(runtime: RuntimePaths) -> None:
    """Let calls in; also after a command that was killed while it kept them out. Raises OSError.

    To the container that has taken the other one's place, if it has.
    """
    try:
        # In place of an empty directory, if a command that waits for the lock has made one.
        os.rename(runtime.closing_directory, runtime.agent_directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        shutil.rmtree(runtime.closing_directory)
