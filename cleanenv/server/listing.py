"""The programs that the live directory showed last: what it shows while the container is stopped.

A cache beside the environment's state. Losing it costs a listing until the container runs again, so a damaged
file is ignored and one that cannot be written is done without; both are logged.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from cleanenv.model.link import Link, is_valid_name
from cleanenv_fuse.tree import Program

__all__ = ["KnownProgram", "Listing", "load_listing", "save_listing"]

_VERSION = 1
_SIZE_MAX = 64 << 20  # bytes

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KnownProgram:
    """A program and the pattern that found it: it counts as long as a link still leads to that pattern."""

    program: Program
    pattern: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What the agent answered last. A link of `links` that has no program in it is known to lead nowhere."""

    links: tuple[Link, ...] = ()
    programs: Mapping[str, KnownProgram] = field(default_factory=dict)


def load_listing(path: str) -> Listing:
    """Read the listing; an empty one when there is none or it is damaged."""
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read(_SIZE_MAX))
        _check_version(data["version"])
        known = [_known_program(*fields) for fields in data["programs"]]
        links = (Link(None if name is None else _text(name), _text(target)) for name, target in data["links"])
        return Listing(tuple(links), {program.program.name: program for program in known})
    except FileNotFoundError:
        return Listing()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        _log.warning("the last listing in %s is ignored: %s: %s", path, type(error).__name__, error)
        return Listing()


def save_listing(path: str, listing: Listing) -> None:
    """Write the listing in place of the old one, whole or not at all. Raises OSError."""
    data = {
        "version": _VERSION,
        "links": [[link.name, link.path] for link in listing.links],
        "programs": [
            [name, known.program.path, known.program.mtime_ns, known.pattern]
            for name, known in listing.programs.items()
        ],
    }
    # One name for the temporary file: the environment has one server, and what a crash leaves is overwritten.
    # Not synced: this may run while a lookup waits, and a file that a power failure emptied is ignored.
    temporary = path + ".new"
    try:
        with open(temporary, "w", encoding="ascii") as file:
            json.dump(data, file)
            file.write("\n")
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _check_version(version: object) -> None:
    if version != _VERSION:
        raise ValueError(f"version {version!r} instead of {_VERSION}")


def _known_program(name: object, path: object, mtime_ns: object, pattern: object) -> KnownProgram:
    if not is_valid_name(_text(name)) or not isinstance(mtime_ns, int):
        raise ValueError(f"program {name!r}")
    return KnownProgram(Program(_text(name), _text(path), mtime_ns), _text(pattern))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value
