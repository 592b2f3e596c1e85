"""A text as each shell reads it: one word, whatever is in it."""

from __future__ import annotations

import re
import shlex

__all__ = ["csh", "fish", "nushell", "posix", "powershell", "xonsh"]

_POWERSHELL_QUOTES = re.compile("(['\u2018\u2019\u201a\u201b])")
_NUSHELL_ESCAPED = re.compile(r'[\\"\x00-\x1f\x7f]')


def posix(text: str) -> str:
    """For sh, bash, dash and zsh."""
    return shlex.quote(text)


def fish(text: str) -> str:
    """Between single quotes a backslash escapes itself and the quote."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def csh(text: str) -> str:
    """As in sh, but the history and the end of the line are looked for between single quotes as well."""
    escaped = text.replace("'", "'\\''").replace("!", "\\!").replace("\n", "\\\n")
    return f"'{escaped}'"


def nushell(text: str) -> str:
    """Double quotes, in which a dollar means nothing."""
    escaped = _NUSHELL_ESCAPED.sub(lambda found: f"\\u{{{ord(found[0]):x}}}", text)
    return f'"{escaped}"'


def powershell(text: str) -> str:
    """Single quotes, also those that word processors write: PowerShell takes each of them for one."""
    doubled = _POWERSHELL_QUOTES.sub(r"\1\1", text)
    return f"'{doubled}'"


def xonsh(text: str) -> str:
    """A Python literal; in ASCII, so that the encoding in which the file is read does not matter."""
    return ascii(text)
