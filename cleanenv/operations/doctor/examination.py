"""The whole examination, and the mending of what it finds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from cleanenv.engine.port import Engine
from cleanenv.errors import CleanenvError, EngineError
from cleanenv.model.host import Host
from cleanenv.operations.doctor import environments, installation, leftovers
from cleanenv.operations.doctor.finding import Finding
from cleanenv.server.requirements import fuse_problems

__all__ = ["Mended", "examine", "mend"]


@dataclass(frozen=True, slots=True)
class Mended:
    """What was mended, and the findings that are left."""

    mended: tuple[Finding, ...]
    left: tuple[Finding, ...]


def examine(host: Host, *, connect: Callable[[], Engine]) -> tuple[Finding, ...]:
    """Everything that is wrong. Changes nothing; what only the engine knows is left out where none answers."""
    found = [Finding.of(error, "apt-get install libfuse2 fuse3") for error in fuse_problems(host.user.uid)]
    found += installation.examine()
    engine = None
    try:
        engine = connect()
    except EngineError as error:
        found.append(Finding.of(error, "docker version"))
    found += environments.examine(host, engine)
    found += leftovers.examine(host, engine)
    return tuple(found)


def mend(host: Host, *, connect: Callable[[], Engine]) -> Mended:
    """Mend what can be mended without a loss, and examine again."""
    found = examine(host, connect=connect)
    for finding in found:
        if finding.mend is not None:
            with contextlib.suppress(CleanenvError, OSError):  # then the next examination finds it again
                finding.mend()
    left = examine(host, connect=connect)
    return Mended(tuple(finding for finding in found if finding not in left), left)
