"""What is in an environment, so that its like can be made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cleanenv.model.configuration import Configuration
from cleanenv.model.package import Package

__all__ = ["LOCK_VERSION", "Difference", "Lock", "differences"]

LOCK_VERSION = 1


@dataclass(frozen=True, slots=True)
class Lock:
    """`digest` names the base image in its registry (`debian@sha256:…`), or where that is not known by its id.

    `variables` are those whose values are not kept. Packages are by manager and name: "deb", "npm", "gem", and the pip
    of a certain Python ("pip3.11").
    """

    image: str
    digest: str
    configuration: Configuration
    variables: tuple[str, ...]
    packages: Mapping[Package, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not as locked. `wanted` and `got` are versions (of an image what names it), None for none."""

    what: str
    wanted: str | None
    got: str | None
    why: str = ""

    def __str__(self) -> str:
        because = f": {self.why}" if self.why else ""
        if self.wanted is None:
            return f"{self.what}: not wanted, got {self.got}{because}"
        return f"{self.what}: wanted {self.wanted}, got {self.got or 'none'}{because}"


def differences(
    wanted: Mapping[Package, str], found: Mapping[Package, str], reasons: Mapping[Package, str]
) -> tuple[Difference, ...]:
    """What is not as wanted, sorted; `reasons` say of some why."""
    return tuple(
        Difference(f"{each.manager} {each.name}", wanted.get(each), found.get(each), reasons.get(each, ""))
        for each in sorted(wanted.keys() | found.keys())
        if wanted.get(each) != found.get(each)
    )
