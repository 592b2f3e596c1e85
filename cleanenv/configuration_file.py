"""Reading and writing `cleanenv.conf`, the format of cleanenv 0.1.3."""

from __future__ import annotations

import os
import re
from pathlib import Path

import configobj

from cleanenv.errors import CorruptStateError, UsageError
from cleanenv.model.configuration import (
    Configuration,
    check_grace,
    check_idle_timeout,
    check_publish,
    check_variable,
    check_variable_pattern,
)
from cleanenv.model.host_link import make_host_link
from cleanenv.model.link import Link, make_link
from cleanenv.model.mount import Mount, container_path, split_mode
from cleanenv.model.profile import Profile, make_profile, profile_section
from cleanenv.model.snapshot_rule import SnapshotRule, make_snapshot_rule
from cleanenv.model.switch import parse_switch
from cleanenv.model.user import parse_user

__all__ = [
    "SECTIONS",
    "configuration_of",
    "dump_configuration",
    "parse_configuration",
    "parse_sections",
    "quoted",
    "read_configuration",
]

SECTIONS = ("global", "directory", "link", "host_link", "environment", "profile", "snapshot")
_VALUES = ("base", "network", "user", "idle_timeout", "grace")
_NESTED = ("profile", "snapshot")  # which have a section for each program
_ALWAYS = "always"
_SWITCHES = ("persistent", "sudo")
_LISTS = ("publish", "deny_env", "allow_env", "on_activate", "on_deactivate", "on_destroy")
_GLOBAL_KEYS = (*_VALUES, *_SWITCHES, *_LISTS)
# What cleanenv 0.1.3 noted of its own in an environment's file; of no use here.
_NOT_OURS = ("container_id", "snapshots", "profile")
_GLOBS = "*"  # the key of [link] for patterns, which have no names
_PLAIN = re.compile(r"[\w./~:+@-]+|\*", re.ASCII)


def read_configuration(path: Path) -> Configuration:
    """Read the file. Raises UsageError for an unknown key or a bad value, CorruptStateError when it is no such file."""
    what = f"configuration {path}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(what, error.strerror or str(error)) from error
    return parse_configuration(content, what)


def dump_configuration(configuration: Configuration) -> bytes:
    """The content of the file. Raises UsageError for a path that the format cannot hold (both kinds of quotes)."""
    lines = ["[global]"]
    for name in _VALUES:
        value = getattr(configuration, name)
        if value is not None:
            lines.append(f"{name} = {quoted(str(value))}")
    lines += [f"{name} = True" for name in _SWITCHES if getattr(configuration, name)]
    for name in _LISTS:
        values = getattr(configuration, name)
        if values:
            # Only what stands alone may be anything.
            quote = _quoted_value if len(values) == 1 else quoted
            lines.append(f"{name} = {', '.join(map(quote, values))}")
    lines.append("[directory]")
    for mount in configuration.mounts:
        mode = "rw" if mount.writable else "ro"
        lines.append(f"{quoted(mount.host)} = {quoted(f'{mount.container}:{mode}')}")
    if configuration.links is not None:
        lines.append("[link]")
        lines += [f"{quoted(link.name)} = {quoted(link.path)}" for link in configuration.links if link.name]
        patterns = [quoted(link.path) for link in configuration.links if link.is_glob]
        if patterns:
            lines.append(f"{_GLOBS} = {', '.join(patterns)}")
    if configuration.host_links:
        lines.append("[host_link]")
        lines += [f"{quoted(link.name)} = {quoted(link.path)}" for link in configuration.host_links]
    if configuration.environment:
        lines.append("[environment]")
        lines += [f"{quoted(name)} = {_quoted_value(value)}" for name, value in configuration.environment]
    lines += _profile_lines(configuration.profiles)
    lines += _rule_lines(configuration.snapshot_rules)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def _profile_lines(profiles: tuple[Profile, ...]) -> list[str]:
    lines = ["[profile]"] if profiles else []
    for profile in profiles:
        lines.append(f"[[{quoted(' '.join(profile.programs))}]]")
        lines += [f"{key} = {', '.join(map(quoted, values))}" for key, values in profile_section(profile).items()]
    return lines


def _rule_lines(rules: tuple[SnapshotRule, ...]) -> list[str]:
    lines = ["[snapshot]"] if rules else []
    for program in dict.fromkeys(rule.program for rule in rules):
        lines.append(f"[[{quoted(program)}]]")
        for rule in rules:
            if rule.program == program:
                always = f", {_ALWAYS}" if rule.always else ""
                lines.append(f"{quoted(rule.name)} = {quoted(rule.pattern)}{always}")
    return lines


def quoted(text: str) -> str:
    """As a key or a value of the format.

    The library's own writer forgets the quotes of what has a `=` in it, among others.
    """
    if _PLAIN.fullmatch(text):
        return text
    for quote in "\"'":
        if quote not in text and "\n" not in text:
            return f"{quote}{text}{quote}"
    raise UsageError(
        "configuration", f"it cannot hold the name {text!r}", "use names without both kinds of quotes in them"
    )


def _quoted_value(text: str) -> str:
    """As the only value of a key, which may have several lines; the library takes their ends for one of its own."""
    if "\r\n" not in text and ("\n" in text or ('"' in text and "'" in text)):
        for quote in ('"""', "'''"):
            if quote not in text:
                return f"{quote}{text}{quote}"
    return quoted(text)


def parse_configuration(content: bytes, what: str) -> Configuration:
    """The same of the content of a file that is called `what`."""
    # Split here: what other characters end a line for Python are part of a name for the kernel.
    return configuration_of(parse_sections(content.decode("utf-8", "surrogateescape").split("\n"), what), what)


def parse_sections(lines: list[str], what: str) -> configobj.ConfigObj:
    """The sections of the format. Raises CorruptStateError, which names the line, for what is not of it."""
    try:
        return configobj.ConfigObj(lines, interpolation=False, list_values=True, raise_errors=True)
    except configobj.ConfigObjError as error:
        raise CorruptStateError(what, str(error)) from error


def configuration_of(file: configobj.ConfigObj, what: str) -> Configuration:
    """What the sections say. Raises UsageError for what is unknown or a bad value, with section and key."""
    for name in (*file.sections, *file.scalars):
        if name not in SECTIONS or name in file.scalars:
            raise UsageError(what, f"unknown section or key {name!r}", f"sections are {', '.join(SECTIONS)}")
    for name in SECTIONS:
        if name in _NESTED:
            continue
        for inner in file.get(name, configobj.ConfigObj()).sections:
            raise UsageError(what, f"unknown section {inner!r} in [{name}]", f"sections are {', '.join(SECTIONS)}")
    section = file.get("global", {})
    for key, value in section.items():
        if key not in _GLOBAL_KEYS + _NOT_OURS:
            raise UsageError(what, f"unknown key {key!r} in [global]", f"keys are {', '.join(_GLOBAL_KEYS)}")
        if key in _VALUES and (not isinstance(value, str) or not value):
            raise UsageError(what, f"[global] {key}: {value!r} is not one value", f"{key} = VALUE")
    return Configuration(
        base=section.get("base"),
        mounts=_mounts(file.get("directory", {}), what),
        links=_links(file["link"], what) if "link" in file else None,
        host_links=tuple(
            make_host_link(name, value if isinstance(value, str) else ",".join(value), f"{what}, [host_link] {name}")
            for name, value in file.get("host_link", {}).items()
        ),
        network=section.get("network"),
        publish=tuple(
            check_publish(each, f"{what}, [global] publish") for each in _several(section.get("publish", []))
        ),
        user=parse_user(section["user"], f"{what}, [global] user") if "user" in section else None,
        sudo=_switch(section, "sudo", what),
        persistent=_switch(section, "persistent", what),
        idle_timeout=check_idle_timeout(section["idle_timeout"], f"{what}, [global] idle_timeout")
        if "idle_timeout" in section
        else None,
        environment=_environment(file.get("environment", {}), what),
        grace=check_grace(section["grace"], f"{what}, [global] grace") if "grace" in section else None,
        deny_env=_variable_patterns(section, "deny_env", what),
        allow_env=_variable_patterns(section, "allow_env", what),
        profiles=_profiles(file.get("profile", configobj.ConfigObj()), what),
        snapshot_rules=_snapshot_rules(file.get("snapshot", {}), what),
        on_activate=_several(section.get("on_activate", [])),
        on_deactivate=_several(section.get("on_deactivate", [])),
        on_destroy=_several(section.get("on_destroy", [])),
    )


def _several(value: str | list[str]) -> tuple[str, ...]:
    return tuple(each for each in ([value] if isinstance(value, str) else value) if each)


def _variable_patterns(section: dict[str, str | list[str]], key: str, what: str) -> tuple[str, ...]:
    return tuple(check_variable_pattern(each, f"{what}, [global] {key}") for each in _several(section.get(key, [])))


def _switch(section: dict[str, str | list[str]], key: str, what: str) -> bool:
    return parse_switch(f"[global] {key}", section.get(key, "False"), what)


def _environment(section: dict[str, str | list[str]], what: str) -> tuple[tuple[str, str], ...]:
    pairs = []
    for name, value in section.items():
        where = f"{what}, [environment] {name}"
        if not isinstance(value, str):
            raise UsageError(where, "a comma outside quotes makes a list of it", f'{name} = "{", ".join(value)}"')
        pairs.append((check_variable(name, where), value))
    return tuple(pairs)


def _profiles(section: configobj.ConfigObj, what: str) -> tuple[Profile, ...]:
    for key in section.scalars:
        raise UsageError(what, f"[profile] {key}: the name of the program is missing", f"[[PROGRAM]] before {key}")
    profiles = []
    for name in section.sections:
        where = f"{what}, [profile] [[{name}]]"
        if section[name].sections:
            raise UsageError(where, f"unknown section {section[name].sections[0]!r}", "write it in [[ ]]")
        profiles.append(make_profile(name, section[name], where))
    return tuple(profiles)


def _mounts(section: dict[str, str | list[str]], what: str) -> tuple[Mount, ...]:
    mounts = []
    for host, value in section.items():
        text, writable = split_mode(value if isinstance(value, str) else ",".join(value))
        path = os.path.expanduser(host)
        if not path.startswith("/"):
            raise UsageError(what, f"[directory] {host!r} is not an absolute path of the host")
        mounts.append(Mount(path, container_path(text, f"{what}, [directory] {host}"), writable))
    return tuple(mounts)


def _links(section: dict[str, str | list[str]], what: str) -> tuple[Link, ...]:
    named = [
        make_link(name, value if isinstance(value, str) else ",".join(value), f"{what}, [link] {name}")
        for name, value in section.items()
        if name != _GLOBS
    ]
    value = section.get(_GLOBS, [])
    # Without a wildcard too it is a pattern here: served if it is there, and no fault if not.
    patterns = (
        Link(None, make_link(None, path, f"{what}, [link] {_GLOBS}").path)
        for path in ([value] if isinstance(value, str) else value)
    )
    return (*named, *dict.fromkeys(patterns))


def _snapshot_rules(section: dict[str, object], what: str) -> tuple[SnapshotRule, ...]:
    rules = []
    for program, entries in section.items():
        where = f"{what}, [snapshot] {program}"
        if not isinstance(entries, dict):
            raise UsageError(where, "the name of the program is missing", f"[[PROGRAM]] before {program}")
        for name, value in entries.items():
            words = _several(value) if isinstance(value, (str, list)) else ()
            if not words or words[1:] not in ((), (_ALWAYS,)):
                raise UsageError(where, f"{name}: that is no pattern", f'{name} = "PATTERN"[, {_ALWAYS}]')
            rules.append(make_snapshot_rule(program, words[0], name, where, always=len(words) > 1))
    return tuple(rules)
