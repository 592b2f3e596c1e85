"""What the user decided about an environment: its `cleanenv.conf`, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from cleanenv.model.link import DEFAULT_LINKS, Link
from cleanenv.model.mount import Mount

__all__ = ["Configuration"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """`links` is None when nothing was said: the default links then apply."""

    base: str | None = None
    mounts: tuple[Mount, ...] = ()
    links: tuple[Link, ...] | None = None
    network: str = "host"

    @property
    def effective_links(self) -> tuple[Link, ...]:
        return DEFAULT_LINKS if self.links is None else self.links
