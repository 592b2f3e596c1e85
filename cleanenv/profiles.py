"""The profiles of programs (rule O): those that come with cleanenv, and the user's over them."""

from __future__ import annotations

import dataclasses
import glob
import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import configobj

from cleanenv.model.link import Link
from cleanenv.model.profile import Profile, make_profile, merge

__all__ = ["built_in_profiles", "effective_profiles"]

_FILE = Path(__file__).with_name("profiles.conf")


@cache
def built_in_profiles() -> tuple[Profile, ...]:
    """What profiles.conf says, in its order."""
    file = configobj.ConfigObj(str(_FILE), interpolation=False, encoding="utf-8", raise_errors=True)
    return tuple(make_profile(name, file[name], f"{_FILE}, [{name}]") for name in file.sections)


def effective_profiles(own: tuple[Profile, ...], links: Iterable[Link]) -> tuple[Profile, ...]:
    """The profiles of an environment, in the order in which the first that covers a program is its own.

    A program that is linked under a name of the user's has what is built in for its file's name.
    """
    built_in = built_in_profiles()
    renamed = []
    for link in links:
        if link.name is None or _find(built_in, link.name) is not None:
            continue
        found = _find(built_in, os.path.basename(link.path))
        if found is not None:
            renamed.append(dataclasses.replace(found, programs=(glob.escape(link.name),)))
    return merge(own, (*built_in, *renamed))


def _find(profiles: tuple[Profile, ...], program: str) -> Profile | None:
    return next((profile for profile in profiles if profile.covers(program)), None)
