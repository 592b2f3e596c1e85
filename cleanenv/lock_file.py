"""Reading and writing lock files: a configuration file, and beside it the base image and the packages.

One package a line, sorted, and nothing that changes by itself: two of them can be compared line by line. The last line
says that it is whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from cleanenv.configuration_file import SECTIONS, configuration_of, dump_configuration, parse_sections, quoted
from cleanenv.errors import CorruptStateError, UsageError
from cleanenv.model.configuration import Configuration, check_variable
from cleanenv.model.lock import LOCK_VERSION, Lock
from cleanenv.model.package import Package, is_manager, is_package

__all__ = ["dump_lock", "read_lock"]

_HEAD = (
    "# What is in an environment, by `cleanenv lock`. Its like is made by `cleanenv create --locked FILE PATH`.",
    "[lock]",
)
_KEYS = ("version", "image", "digest", "env")
_END = "[end]"
_AGAIN = "make it anew: cleanenv lock"
_FORMS = {
    "image": re.compile(r"\w[\w./:@-]*", re.ASCII),
    "digest": re.compile(r"(?:\w[\w./:-]*@)?sha256:[0-9a-f]{64}", re.ASCII),
}


def dump_lock(lock: Lock) -> bytes:
    """The content of the file. Raises UsageError for a path that the format cannot hold."""
    lines = [*_HEAD, f"version = {LOCK_VERSION}", f"image = {quoted(lock.image)}", f"digest = {quoted(lock.digest)}"]
    if lock.variables:
        lines.append(f"env = {', '.join(map(quoted, sorted(lock.variables)))}")
    lines.append(dump_configuration(_sorted(lock.configuration)).decode("utf-8", "surrogateescape").rstrip("\n"))
    manager = ""
    for package in sorted(lock.packages):
        if package.manager != manager:
            manager = package.manager
            lines.append(f"[{manager}]")
        lines.append(f"{quoted(package.name)} = {', '.join(map(quoted, lock.packages[package].split(', ')))}")
    return "".join(f"{line}\n" for line in (*lines, _END)).encode("utf-8", "surrogateescape")


def _sorted(configuration: Configuration) -> Configuration:
    """Without variables. What has an order keeps it: patterns, and lines that are run."""
    links = configuration.links
    if links is not None:
        links = (
            *sorted((each for each in links if each.name), key=lambda each: str(each.name)),
            *(each for each in links if each.is_glob),
        )
    return replace(
        configuration,
        environment=(),
        links=links,
        mounts=tuple(sorted(configuration.mounts, key=lambda each: each.host)),
        host_links=tuple(sorted(configuration.host_links, key=lambda each: each.name)),
    )


def read_lock(path: Path) -> Lock:
    """Read the file. Raises UsageError for whatever is wrong with it, with the line where it is."""
    what = f"lock file {path}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(what, error.strerror or str(error)) from error
    return _Reader(what, content.decode("utf-8", "surrogateescape").split("\n")).read()


class _Reader:
    def __init__(self, what: str, lines: list[str]) -> None:
        self._what = what
        self._lines = lines

    def read(self) -> Lock:
        last = max((number for number, line in enumerate(self._lines, 1) if line.strip()), default=1)
        if self._lines[last - 1].strip() != _END:
            self._fail(last, f"it ends without {_END}: it was cut short, or is no lock file", _AGAIN)
        try:
            file = parse_sections(self._lines, self._what)
        except CorruptStateError as error:
            raise UsageError(error.what, error.why, _AGAIN) from error
        for key in file.scalars:
            self._fail(self._line("", key), f"{key!r} is in no section", _AGAIN)
        image, digest, variables = self._head(file.pop("lock", {}))
        file.pop("end")
        managers = [name for name in file.sections if is_manager(name)]
        packages = {
            package: version for name in managers for package, version in self._packages(name, file.pop(name)).items()
        }
        for name in file.sections:
            if name not in SECTIONS:
                known = ", ".join(("lock", *SECTIONS, "deb", "pip3.11", "npm", "gem"))
                self._fail(self._line(name), f"unknown section [{name}]", f"sections are {known}")
        return Lock(image, digest, configuration_of(file, self._what), variables, packages)

    def _head(self, section: Mapping[str, object]) -> tuple[str, str, tuple[str, ...]]:
        """What [lock] says. Its version comes first: what another one has in it is not known."""
        version = section.get("version", "nothing")
        if version != str(LOCK_VERSION):
            is_newer = isinstance(version, str) and version.isdecimal() and int(version) > LOCK_VERSION
            self._fail(
                self._line("lock", "version"),
                f"it is of version {version}, this cleanenv reads version {LOCK_VERSION}",
                "pip install --upgrade cleanenv" if is_newer else _AGAIN,
            )
        for key, value in section.items():
            if key not in _KEYS:
                self._fail(self._line("lock", key), f"unknown key {key!r} in [lock]", f"keys are {', '.join(_KEYS)}")
            if key in _FORMS and not (isinstance(value, str) and _FORMS[key].fullmatch(value)):
                self._fail(self._line("lock", key), f"[lock] {key}: {value!r} names no image", _AGAIN)
        for key in _FORMS:
            if key not in section:
                self._fail(self._line("lock"), f"[lock] has no {key}", _AGAIN)
        names = section.get("env", [])
        where = f"{self._what}: line {self._line('lock', 'env')}"
        variables = tuple(check_variable(str(name), where) for name in (names if isinstance(names, list) else [names]))
        return str(section["image"]), str(section["digest"]), variables

    def _packages(self, manager: str, section: Mapping[str, object]) -> dict[Package, str]:
        packages = {}
        for name, value in section.items():
            version = ", ".join(value) if isinstance(value, list) else str(value)
            package = Package(manager, name)
            if not is_package(package, version):
                said = f"[{manager}] {name!r} = {version!r} is no package with its version"
                self._fail(self._line(manager, name), said, _AGAIN)
            packages[package] = version
        return packages

    def _line(self, section: str, key: str | None = None) -> int:
        """Where it is said: of a key that is missing the line of its section, of a section the first line."""
        here, found = "", 1
        for number, line in enumerate(self._lines, 1):
            text = line.strip()
            if text.startswith("[") and not text.startswith("[["):
                here = text.strip("[] \t")
                found = number if here == section else found
            elif key is not None and here == section and text.partition("=")[0].strip("[] \t'\"") == key:
                return number
        return found

    def _fail(self, line: int, why: str, hint: str) -> NoReturn:
        raise UsageError(self._what, f"line {line}: {why}", hint)
