"""Values out of JSON that somebody may have edited: of the type that is expected, or a TypeError."""

from __future__ import annotations

__all__ = ["number", "objects", "switch", "text"]


def text(value: object) -> str:
    """A string."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r:.80}")
    return value


def number(value: object) -> int:
    """A whole number that is not negative."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"expected a number, got {value!r:.80}")
    return value


def switch(value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r:.80}")
    return value


def objects(value: object) -> list[dict[str, object]]:
    """A list of objects."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise TypeError(f"expected a list of objects, got {value!r:.80}")
    return value
