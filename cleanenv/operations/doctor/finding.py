"""One thing that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cleanenv.errors import CleanenvError

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, why, and what to type. `mend` does that, where nothing of the user's can be lost by it."""

    what: str
    why: str
    hint: str
    mend: Callable[[], object] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, error: CleanenvError, hint: str, mend: Callable[[], object] | None = None) -> Finding:
        """What a command would fail with. `hint` is for an error that has none."""
        return cls(error.what, error.why, error.hint or hint, mend)
