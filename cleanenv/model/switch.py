"""Words for yes and no in a configuration."""

from __future__ import annotations

from cleanenv.errors import UsageError

__all__ = ["parse_switch"]

_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def parse_switch(key: str, value: str | list[str], what: str) -> bool:
    """Read the value of a key that is on or off. Raises UsageError, naming `what`."""
    word = _WORDS.get(value.lower()) if isinstance(value, str) else None
    if word is None:
        raise UsageError(what, f"{key}: {value!r} is neither True nor False", f"{key.rsplit(maxsplit=1)[-1]} = True")
    return word
