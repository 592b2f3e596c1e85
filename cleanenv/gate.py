"""The way to an environment's agent, closed while its container is being stopped.

The directory with the agent's sockets is moved to where no launcher looks. A call that comes meanwhile finds no agent,
so it asks the environment server for a start, which waits for the stop. What the container has mounted is the directory
itself, wherever it is; so cleanenv's own calls (TABLE_LINK_HOOK) get through.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from cleanenv.model.environment import RuntimePaths

__all__ = ["closed", "open_again"]


@contextlib.contextmanager
def closed(runtime: RuntimePaths) -> Iterator[None]:
    """Keep new calls out during the block. Whoever does this holds the environment's lock. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(runtime.agent_directory, runtime.closing_directory)
    try:
        yield
    finally:
        open_again(runtime)


def open_again(runtime: RuntimePaths) -> None:
    """Let calls in; also after a command that was killed while it kept them out. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        # In place of an empty directory, if a command that waits for the lock has made one.
        os.rename(runtime.closing_directory, runtime.agent_directory)
