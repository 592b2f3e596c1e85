"""The launch table: what a launcher knows of its environment. The format is defined in native/table/table.h.

The file is replaced atomically: a launcher that has mapped the old one goes on with it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping

from cleanenv.model.host_link import HostLink
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Operands, Profile, Text
from cleanenv.model.snapshot_rule import SnapshotRule

__all__ = ["dump_host_table", "dump_launch_table", "is_readable_by_ours"]

_MAGIC = 0x74766C63
_VERSION = 5
_HEADER = struct.Struct("=16I")
_RECORD = struct.Struct("=3I")
_VARIABLE = struct.Struct("=2I")
_PROGRAM = struct.Struct("=12I")
_SNAPSHOT = struct.Struct("=2I")
_NAME, _GLOB, _EXECUTE, _HOOK, _SESSION = range(1, 6)
_DENIED, _ALLOWED = 1, 2
_TO_CONTAINER, _TO_HOST = 0, 1
_NEVER = 0xFFFFFFFF
# The numbers of enum table_operands and table_text.
_OPERANDS = (Operands.MAP, Operands.KEEP, Operands.KEEP_FIRST)
_TEXT = (Text.OFF, Text.STDERR, Text.STDOUT, Text.BOTH)


def is_readable_by_ours(table: bytes) -> bool:
    """Whether the launcher of this version reads the table; else one of another version wrote it for its own."""
    return table[:8] == struct.pack("=2I", _MAGIC, _VERSION)


class _Strings:
    """The strings behind the records, each stored once; offsets count from the start of the file."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._bytes = bytearray()
        self._offsets: dict[bytes, int] = {}

    def offset(self, text: str) -> int:
        encoded = os.fsencode(text)
        if encoded not in self._offsets:
            self._offsets[encoded] = self._start + len(self._bytes)
            self._bytes += encoded + b"\0"
        return self._offsets[encoded]

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)


def dump_launch_table(  # noqa: PLR0913 (what a table holds)
    environment: str,
    home: str,
    mounts: Iterable[Mount],
    links: Iterable[Link],
    *,
    python: str,
    denied_variables: Iterable[str] = (),
    allowed_variables: Iterable[str] = (),
    profiles: Iterable[Profile] = (),
    snapshot_rules: Iterable[SnapshotRule] = (),
) -> bytes:
    """The table's bytes. `python` is an interpreter of the host that has cleanenv.

    Names of variables may be patterns; where one is allowed, those that are not stay behind. Of `profiles` the first
    that covers a program is its own.
    """
    records = [("inenv", "", _EXECUTE), (".hook", "", _HOOK), (".session", python, _SESSION)]
    patterns = []
    for link in links:
        if link.name is not None:
            records.append((link.name, link.path, _NAME))
        else:
            directory, pattern = os.path.split(link.path)
            patterns.append((pattern, directory, _GLOB))
    records += patterns
    rules = [(name, _DENIED) for name in denied_variables] + [(name, _ALLOWED) for name in allowed_variables]
    snapshots: dict[str, bool] = {}
    for rule in snapshot_rules:
        snapshots[rule.program] = snapshots.get(rule.program, False) or rule.always
    return _dump(_TO_CONTAINER, environment, home, tuple(mounts), records, rules, profiles, snapshots)


def dump_host_table(
    directory: str, mounts: Iterable[Mount], links: Iterable[HostLink], *, profiles: Iterable[Profile] = ()
) -> bytes:
    """The table for the other direction: of launchers in the container's `directory`, for programs of the host.

    The host's agent starts what this table names, and nothing else.
    """
    records = [(link.name, link.path, _NAME) for link in links]
    return _dump(_TO_HOST, directory, "", tuple(mounts), records, [], profiles, {})


def _dump(  # noqa: PLR0913, PLR0917 (what a table holds)
    direction: int,
    environment: str,
    home: str,
    mounts: tuple[Mount, ...],
    records: list[tuple[str, str, int]],
    rules: list[tuple[str, int]],
    profiles: Iterable[Profile],
    snapshots: Mapping[str, bool],
) -> bytes:
    mounts_at = _HEADER.size
    links_at = mounts_at + len(mounts) * _RECORD.size
    variables_at = links_at + len(records) * _RECORD.size
    programs_at = variables_at + len(rules) * _VARIABLE.size
    programs = [(pattern, profile) for profile in profiles for pattern in profile.programs]
    snapshots_at = programs_at + len(programs) * _PROGRAM.size
    strings = _Strings(snapshots_at + len(snapshots) * _SNAPSHOT.size)
    body = b"".join(
        (
            *(_RECORD.pack(strings.offset(m.host), strings.offset(m.container), m.writable) for m in mounts),
            *(_RECORD.pack(strings.offset(name), strings.offset(path), kind) for name, path, kind in records),
            *(_VARIABLE.pack(strings.offset(name), kind) for name, kind in rules),
            *(_program(strings, pattern, profile) for pattern, profile in programs),
            *(_SNAPSHOT.pack(strings.offset(name), always) for name, always in snapshots.items()),
        )
    )
    environment_at, home_at = strings.offset(environment), strings.offset(home)
    size = _HEADER.size + len(body) + len(bytes(strings))
    arrays = (
        *(mounts_at, len(mounts), links_at, len(records)),
        *(variables_at, len(rules), programs_at, len(programs)),
        *(snapshots_at, len(snapshots)),
    )
    header = _HEADER.pack(_MAGIC, _VERSION, size, environment_at, home_at, *arrays, direction)
    return header + body + bytes(strings)


def _program(strings: _Strings, pattern: str, profile: Profile) -> bytes:
    """One struct table_program; what nothing was said about has the value that changes nothing."""

    def words(of: tuple[str, ...] | None) -> int:
        return strings.offset(" ".join(of or ()))

    return _PROGRAM.pack(
        strings.offset(pattern),
        _OPERANDS.index(profile.operands or Operands.MAP),
        words(profile.script_options),
        words(profile.map_options),
        words(profile.keep_options),
        _NEVER if profile.stop_after_operand is None else profile.stop_after_operand,
        words(profile.stop_words),
        words(profile.map_words),
        profile.follow is not False,
        words(profile.follow_unless),
        bool(profile.response_files),
        _TEXT.index(profile.text or Text.OFF),
    )
