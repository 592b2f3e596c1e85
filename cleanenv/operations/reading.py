"""Reading what a container holds."""

from __future__ import annotations

from collections.abc import Iterator

from cleanenv.engine.port import ProgressReport

__all__ = ["counted"]


def counted(chunks: Iterator[bytes], what: str, progress: ProgressReport) -> Iterator[bytes]:
    """The same chunks; their bytes are reported as they pass."""
    done = 0
    progress(what, 0, None)
    for chunk in chunks:
        done += len(chunk)
        progress(what, done, None)
        yield chunk
