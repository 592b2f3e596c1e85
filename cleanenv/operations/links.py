"""Link programs into a living environment, and take them out again."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from cleanenv.engine.port import Engine
from cleanenv.environments import changing
from cleanenv.errors import UsageError
from cleanenv.model.host import Host
from cleanenv.model.link import Link
from cleanenv.model.profile import Profile
from cleanenv.operations import hooks, live
from cleanenv.operations.create import check_links
from cleanenv.operations.hooks import Warn

__all__ = ["link", "unlink"]


def link(
    root: Path,
    new: tuple[Link, ...],
    host: Host,
    *,
    options: Profile,
    connect: Callable[[], Engine],
    warn: Warn,
) -> None:
    """Add links; visible at once. A name that is taken, or a program that is not there, is a UsageError.

    What `options` says is kept in the profile of each of them.
    """
    with changing(root) as found:
        profiles = _with_options(found.configuration.profiles, new, options)
        present = found.configuration.effective_links
        for candidate in new:
            taken = next((old for old in present if candidate.name is not None and old.name == candidate.name), None)
            if taken is not None and taken != candidate:
                raise UsageError(
                    f"link {candidate.name}:{candidate.path}",
                    f"the name is taken by {taken.path}",
                    f"cleanenv unlink {candidate.name}",
                )
        environment = hooks.bring_up(connect(), found, host, warn, mounted=False)
        check_links(environment, new)
        links = found.configuration.links
        if any(candidate not in present for candidate in new):
            links = present + tuple(candidate for candidate in new if candidate not in present)
        live.publish(environment, replace(environment.configuration, links=links, profiles=profiles), host)


def unlink(root: Path, names: tuple[str, ...], host: Host) -> None:
    """Take links out, by name or by pattern as it was given; gone at once. Programs that run go on."""
    with changing(root) as environment:
        links = environment.configuration.effective_links
        for name in names:
            kept = tuple(candidate for candidate in links if name not in (candidate.name, candidate.path))
            if len(kept) == len(links):
                via = next((candidate.path for candidate in links if candidate.path_for(name)), None)
                raise UsageError(
                    f"link {name}",
                    f"it comes from the pattern {via}" if via else "the environment has no such link",
                    f"cleanenv unlink {shlex.quote(via)}" if via else "cleanenv status",
                )
            links = kept
        live.publish(environment, replace(environment.configuration, links=links), host)


def _with_options(profiles: tuple[Profile, ...], links: tuple[Link, ...], options: Profile) -> tuple[Profile, ...]:
    """The profiles with the options in those of the linked programs. Raises UsageError for a pattern of all names."""
    if options == Profile(()):
        return profiles
    for link in links:
        program = link.name or os.path.basename(link.path)
        if program == "*":
            raise UsageError(
                f"link {link.path}",
                "options are for certain programs, and this pattern is for all",
                f"cleanenv link … {os.path.dirname(link.path)}/NAME",
            )
        own = next((profile for profile in profiles if profile.programs == (program,)), Profile((program,)))
        if options.operands is not None:
            own = replace(own, stop_after_operand=None)
        mine = replace(options, programs=(program,)).over(own)
        profiles = (mine, *(profile for profile in profiles if profile.programs != (program,)))
    return profiles
