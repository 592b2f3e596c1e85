"""Rule T as plainly as it can be said: each place of a text is looked at, in the light of all that surrounds it."""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes

__all__ = ["text_on_the_host"]

_BLANK = rb"[\x01-\x1a\x1c-\x20]"
_QUOTE = rb"(?:['\"`]|\xc2[\xab\xbb]|\xe2\x80[\x98-\x9f\xb9\xba])"
_SEQUENCE = rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])"  # ECMA-48, but what opens a string
_URL = re.compile(rb"file://(?:[0-9A-Za-z.-]{0,254}[0-9A-Za-z])?\Z")

_BEGINS = re.compile(
    rb"(?:\A|" + _BLANK + rb"|" + _QUOTE + rb"|[([{<>,;=|]|" + _SEQUENCE + rb"|:"
    rb"|(?:\A|" + _BLANK + rb"|" + _QUOTE + rb")-[A-Za-z])\Z"
)  # fmt: skip
_REMOTE = re.compile(rb"[0-9A-Za-z_.-]@[0-9A-Za-z_.-]{1,255}:\Z")
_MARK = rb"\xe2\x80|\xc2[\xa0\xab\xbb]"
_ENDS = re.compile(rb"\Z|" + _BLANK + rb"|['\"`()\[\]{}<>,;:/\x1b]|\.(?:\Z|" + _BLANK + rb")|" + _MARK)

_WORD = re.compile(rb"(?:\A|" + _BLANK + rb")\Z")
_QUOTED = re.compile(_QUOTE + rb"\Z")
_QUOTES = re.compile(rb"['\"`]|" + _MARK)


def text_on_the_host(text: bytes, names: dict[bytes, bytes]) -> bytes:
    """`names` has what the host calls each name of the container that is looked for."""
    out, at = b"", 0
    while at < len(text) and text[at] != 0:
        before = text[:at]
        found = [
            name for name in names if text.startswith(name, at) and _fits(before, text[at + len(name) :], names[name])
        ]
        if not found or not _begins(before):
            out += text[at : at + 1]
            at += 1
            continue
        name = max(found, key=len)
        at += len(name)
        out += _host(names[name], name, before, text[at:])
    return out + text[at:]


def _begins(before: bytes) -> bool:
    return (bool(_BEGINS.search(before)) and not _REMOTE.search(before)) or bool(_URL.search(before))


def _fits(before: bytes, after: bytes, host: bytes) -> bool:
    if host != b"/" or after.startswith(b"/"):
        return bool(_ENDS.match(after))
    return bool(_WORD.search(before) and after.startswith(b":")) or bool(
        _QUOTED.search(before) and _QUOTES.match(after)
    )


def _host(host: bytes, name: bytes, before: bytes, after: bytes) -> bytes:
    if host == name:
        return name
    if host == b"/" and after.startswith(b"/"):
        return b""  # /r/home is /home
    if _URL.search(before) and not _BEGINS.search(before):
        return quote_from_bytes(host, "/!$&'()*+,;=:@").encode()
    return host
