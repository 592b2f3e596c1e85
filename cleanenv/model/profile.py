"""What a program's arguments mean, where their shape alone does not say it (rule O)."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from cleanenv.errors import UsageError
from cleanenv.model.switch import parse_switch

__all__ = ["Operands", "Profile", "Text", "make_profile", "merge", "profile_section"]

_Choice = TypeVar("_Choice", bound=Enum)


class Operands(Enum):
    """What becomes of arguments that are neither options nor their values."""

    MAP = "map"
    KEEP = "keep"
    KEEP_FIRST = "keep-first"


class Text(Enum):
    """Where paths of the container become paths of the host in what the program writes (rule T)."""

    OFF = "off"
    STDERR = "stderr"
    STDOUT = "stdout"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Profile:
    """The options of one program; `None` is what nothing was said about.

    `programs` are names or patterns. Options are written as they are typed, with their dashes. The keys' meanings are
    written down for users at the head of cleanenv/profiles.conf.
    """

    programs: tuple[str, ...]
    operands: Operands | None = None
    script_options: tuple[str, ...] | None = None
    map_options: tuple[str, ...] | None = None
    keep_options: tuple[str, ...] | None = None
    stop_after_operand: int | None = None
    stop_words: tuple[str, ...] | None = None
    map_words: tuple[str, ...] | None = None
    follow: bool | None = None
    follow_unless: tuple[str, ...] | None = None
    response_files: bool | None = None
    text: Text | None = None

    def over(self, other: Profile) -> Profile:
        """What this one says, and what the other one says where this one is silent; for this one's programs."""
        said = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not None
        }
        return dataclasses.replace(other, **said)

    def covers(self, program: str) -> bool:
        """Whether this is the profile of a program of that name, or of all that match that pattern."""
        return any(program == each or fnmatch.fnmatchcase(program, each) for each in self.programs)


def make_profile(name: str, section: Mapping[str, str | list[str]], what: str) -> Profile:
    """The profile that a section says. Raises UsageError, naming `what`, for an unknown key or a bad value."""
    programs = tuple(name.split())
    if not programs or any("/" in program or "\0" in program for program in programs):
        raise UsageError(what, f"{name!r} is no name of a program", "use a name, or a pattern such as 'gcc-*'")
    keys = {field.name.replace("_", "-"): field.name for field in dataclasses.fields(Profile)[1:]}
    values: dict[str, object] = {}
    for key, value in section.items():
        if key not in keys:
            raise UsageError(what, f"unknown key {key!r}", f"keys are {', '.join(keys)}")
        values[keys[key]] = _value(key, value, what)
    return dataclasses.replace(Profile(programs), **values)  # type: ignore[arg-type]


def profile_section(profile: Profile) -> dict[str, tuple[str, ...]]:
    """The section that make_profile reads as this profile: the words of each key that says something."""
    section: dict[str, tuple[str, ...]] = {}
    for field in dataclasses.fields(Profile)[1:]:
        value = getattr(profile, field.name)
        if isinstance(value, Enum):
            section[field.name.replace("_", "-")] = (str(value.value),)
        elif isinstance(value, tuple):
            section[field.name.replace("_", "-")] = value or ("",)
        elif value is not None:
            section[field.name.replace("_", "-")] = (str(value),)
    return section


def merge(own: tuple[Profile, ...], built_in: tuple[Profile, ...]) -> tuple[Profile, ...]:
    """The profiles in the order in which the first that covers a program is its own.

    The user's win, key by key, over the built-in one for the same program.
    """
    merged = []
    for profile in own:
        for program in profile.programs:
            one = dataclasses.replace(profile, programs=(program,))
            base = next((each for each in built_in if each.covers(program)), None)
            merged.append(one if base is None else one.over(base))
    return (*merged, *built_in)


def _value(key: str, value: str | list[str], what: str) -> object:
    if key == "operands":
        return _choice(Operands, key, value, what)
    if key == "text":
        return _choice(Text, key, value, what)
    if key == "stop-after-operand":
        return _count(key, value, what)
    if key in ("follow", "response-files"):
        return parse_switch(key, value, what)
    return _words(key, value, what)


def _choice(kind: type[_Choice], key: str, value: str | list[str], what: str) -> _Choice:
    for each in kind:
        if each.value == value:
            return each
    accepted = ", ".join(str(each.value) for each in kind)
    raise UsageError(what, f"{key}: {value!r} is not one of {accepted}", f"{key} = {next(iter(kind)).value}")


def _count(key: str, value: str | list[str], what: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:  # noqa: PLR2004 (digits)
        return int(value)
    raise UsageError(what, f"{key}: {value!r} is no number of operands", f"{key} = 1")


def _words(key: str, value: str | list[str], what: str) -> tuple[str, ...]:
    words = tuple(word for word in ([value] if isinstance(value, str) else value) if word)
    for word in words:
        if any(character.isspace() or character == "\0" for character in word):
            raise UsageError(what, f"{key}: there is a blank in {word!r}", f"{key} = ONE, OTHER")
        if key.endswith(("-options", "-unless")) and (not word.startswith("-") or word in ("-", "--")):
            raise UsageError(what, f"{key}: {word!r} is no option", f"{key} = -{word.strip('-') or 'x'}")
    return words
