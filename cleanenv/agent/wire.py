"""The questions of native/wire/wire.h and their answers, as bytes.

An answer comes from inside the container and is not trusted: whatever is not exactly of the format is an
AgentError.
Text is str with surrogateescape, so that every file name survives.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cleanenv.errors import AgentError

__all__ = [
    "ACTIVITY",
    "ANSWER",
    "EXISTS",
    "GLOB",
    "PACKET_MAX",
    "QUESTION_MAX",
    "WATCH",
    "Match",
    "Presence",
    "check_answer_header",
    "pack_header",
    "pack_strings",
    "unpack_activity",
    "unpack_matches",
    "unpack_presences",
]

MAGIC = 0x766E6C63
VERSION = 1
EXISTS = 4
GLOB = 5
WATCH = 6
ACTIVITY = 12
ANSWER = 21
_ACTIVE = 23

PACKET_MAX = 256  # bytes
QUESTION_MAX = 16 << 20  # bytes; holds for answers too

_HEADER = struct.Struct("=IHH")
_ACTIVITY = struct.Struct("=IHHQQ")
_MATCH = struct.Struct("=IIQqII")
_PATH_MIN = 2  # bytes: a slash and the NUL
_NANOSECONDS = 10**9


class Presence(enum.Enum):
    """What lstat says of a path in the container; the values are those of the wire."""

    ABSENT = ord("0")
    PRESENT = ord("1")
    SYMLINK = ord("2")


@dataclass(frozen=True, slots=True)
class Match:
    """An executable file of the container. `pattern` is the index of the pattern that it matches."""

    pattern: int
    path: str
    mode: int
    size: int
    mtime_ns: int


def pack_header(kind: int) -> bytes:
    """The packet of a question: a header only, its text travels beside it."""
    return _HEADER.pack(MAGIC, VERSION, kind)


def check_answer_header(packet: bytes) -> None:
    """Raises AgentError unless the packet is an ANSWER of this version."""
    _check(packet, _HEADER.size, ANSWER)


def unpack_activity(packet: bytes) -> tuple[int, int]:
    """The answer to ACTIVITY: the calls that run, and for how many ms there have been none."""
    _check(packet, _ACTIVITY.size, _ACTIVE)
    *_header, calls, idle_ms = _ACTIVITY.unpack(packet)
    return calls, idle_ms


def _check(packet: bytes, size: int, expected: int) -> None:
    if len(packet) != size:
        raise _malformed(f"a packet of {len(packet)} bytes")
    magic, version, kind = _HEADER.unpack_from(packet)
    if magic != MAGIC:
        raise _malformed(f"magic {magic:#x}")
    if version != VERSION:
        raise AgentError(
            "question to the agent",
            f"it speaks version {version} of the protocol, this cleanenv speaks {VERSION}",
            "cleanenv create --clear PATH, which makes the environment anew with this version",
        )
    if kind != expected:
        raise _malformed(f"a message of type {kind}")


def pack_strings(texts: Sequence[str]) -> bytes:
    """Strings, each ended by NUL. Raises AgentError when one contains NUL or all together are too long."""
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    if any(b"\0" in text for text in encoded):
        raise AgentError("question to the agent", "a path cannot contain a NUL byte")
    data = b"".join(text + b"\0" for text in encoded)
    if len(data) > QUESTION_MAX:
        raise AgentError("question to the agent", f"it has {len(data)} bytes, {QUESTION_MAX} are allowed")
    return data


def unpack_presences(data: bytes, count: int) -> tuple[Presence, ...]:
    """The answer to EXISTS about `count` paths."""
    if len(data) != count:
        raise _malformed(f"{len(data)} answers to {count} paths")
    try:
        return tuple(Presence(byte) for byte in data)
    except ValueError as error:
        raise _malformed(str(error)) from error


def unpack_matches(data: bytes, count: int) -> tuple[Match, ...]:
    """The answer to GLOB with `count` patterns."""
    matches = []
    offset = 0
    while offset < len(data):
        if len(data) - offset < _MATCH.size:
            raise _malformed("the last match is cut off")
        pattern, mode, size, seconds, nanoseconds, length = _MATCH.unpack_from(data, offset)
        offset += _MATCH.size
        path = data[offset : offset + length]
        offset += length
        if len(path) != length or length < _PATH_MIN or path.find(b"\0") != length - 1:
            raise _malformed("a path that is cut off, empty or not ended by NUL")
        if not path.startswith(b"/"):
            raise _malformed("a path that is not absolute")
        if pattern >= count or nanoseconds >= _NANOSECONDS:
            raise _malformed("a number that is out of range")
        text = path[:-1].decode("utf-8", "surrogateescape")
        matches.append(Match(pattern, text, mode, size, seconds * _NANOSECONDS + nanoseconds))
    return tuple(matches)


def _malformed(what: str) -> AgentError:
    return AgentError("answer of the agent", f"it is not of the protocol: {what}")
