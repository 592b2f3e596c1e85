"""The live directory alone, without the container."""

from __future__ import annotations

from pathlib import Path

from cleanenv.environments import holding
from cleanenv.model.host import Host
from cleanenv.operations import live

__all__ = ["mount", "unmount"]


def mount(root: Path, host: Host) -> None:
    """Serve the live directory, if nobody does. Raises MountError."""
    with holding(root) as environment:
        live.ensure_mounted(environment, host)


def unmount(root: Path) -> None:
    """Take it away, also from under programs that run; none there is no error. Raises MountError."""
    with holding(root, with_configuration=False) as environment:
        live.unmount(environment)
