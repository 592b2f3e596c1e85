"""A host and a container that consist of a list of paths, and remember what they were asked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from cleanenv.pathmap import Presence


def with_ancestors(paths: Iterable[str | bytes]) -> set[bytes]:
    """What exists if these paths do."""
    there = set()
    for path in paths:
        here = os.fsencode(path)
        while here not in there:
            there.add(here)
            here = os.path.dirname(here)
    return there


class FakeHost:
    """The host's files; satisfies cleanenv.pathmap.Probe."""

    def __init__(self, paths: Iterable[str | bytes] = (), links: Mapping[str, str] | None = None) -> None:
        self.links = {os.fsencode(link): os.fsencode(target) for link, target in (links or {}).items()}
        self.there = with_ancestors([*paths, *self.links])
        self.asked: list[bytes] = []

    def presence(self, path: bytes) -> Presence:
        self.asked.append(path)
        if path in self.links:
            return Presence.SYMLINK
        return Presence.PRESENT if os.path.normpath(path) in self.there else Presence.ABSENT

    def link_target(self, path: bytes) -> bytes | None:
        return self.links.get(path)


class FakeContainer:
    """The container's files; an instance is a cleanenv.pathmap.ContainerPresence."""

    def __init__(self, paths: Iterable[str | bytes] = ()) -> None:
        self.there = with_ancestors(paths)
        self.asked: list[bytes] = []

    def __call__(self, path: bytes) -> bool:
        self.asked.append(path)
        return path in self.there


class SilentContainer(FakeContainer):
    """A container that has not answered yet."""

    def __call__(self, path: bytes) -> None:  # type: ignore[override]
        self.asked.append(path)
