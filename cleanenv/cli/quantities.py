"""Sizes and times as people read them."""

from __future__ import annotations

__all__ = ["age_text", "size_text"]

_STEP = 1000
_UNITS = ("kB", "MB", "GB", "TB")
_AGES = ((86400, "d"), (3600, "h"), (60, "min"))
_THREE_DIGITS = 99.95


def size_text(size: int) -> str:
    """Bytes in decimal units, with three digits that count."""
    if size < _STEP:
        return f"{size} B"
    value = size / _STEP
    units = list(_UNITS)
    while value >= _STEP - 0.5 and len(units) > 1:  # it would be rounded to the next unit
        value /= _STEP
        del units[0]
    return f"{value:.0f} {units[0]}" if value >= _THREE_DIGITS else f"{value:.1f} {units[0]}"


def age_text(seconds: float) -> str:
    """How long ago, in the largest unit that fits."""
    for length, unit in _AGES:
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
