"""Reading and writing `cleanenv.conf`, the format of cleanenv 0.1.3: sections [global], [directory], [link]."""

from __future__ import annotations

import io
from pathlib import Path

import configobj

from cleanenv.errors import CorruptStateError, UsageError
from cleanenv.model.configuration import Configuration
from cleanenv.model.link import Link, parse_links
from cleanenv.model.mount import Mount, container_path, split_mode

__all__ = ["dump_configuration", "read_configuration"]

_SECTIONS = ("global", "directory", "link")
_GLOBAL_KEYS = ("base", "network")
_GLOBS = "*"  # the key of [link] for patterns, which have no names


def read_configuration(path: Path) -> Configuration:
    """Read the file. Raises UsageError for an unknown key or a bad value, CorruptStateError when it is no such file."""
    what = f"configuration {path}"
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        file = configobj.ConfigObj(io.StringIO(text), interpolation=False, list_values=True, raise_errors=True)
    except OSError as error:
        raise UsageError(what, error.strerror or str(error)) from error
    except configobj.ConfigObjError as error:
        raise CorruptStateError(what, str(error)) from error
    for name in (*file.sections, *file.scalars):
        if name not in _SECTIONS or name in file.scalars:
            raise UsageError(what, f"unknown section or key {name!r}", f"sections are {', '.join(_SECTIONS)}")
    section = file.get("global", {})
    for key in section:
        if key not in _GLOBAL_KEYS:
            raise UsageError(what, f"unknown key {key!r} in [global]", f"keys are {', '.join(_GLOBAL_KEYS)}")
    return Configuration(
        base=section.get("base"),
        mounts=_mounts(file.get("directory", {}), what),
        links=_links(file["link"]) if "link" in file else None,
        network=section.get("network", "host"),
    )


def dump_configuration(configuration: Configuration) -> bytes:
    """The content of the file. Raises UsageError for a path that the format cannot hold (both kinds of quotes)."""
    file = configobj.ConfigObj(interpolation=False, list_values=True)
    file["global"] = {"network": configuration.network}
    if configuration.base is not None:
        file["global"]["base"] = configuration.base
    file["directory"] = {m.host: f"{m.container}:{'rw' if m.writable else 'ro'}" for m in configuration.mounts}
    if configuration.links is not None:
        file["link"] = {link.name: link.path for link in configuration.links if link.name is not None}
        globs = [link.path for link in configuration.links if link.is_glob]
        if globs:
            file["link"][_GLOBS] = globs
    try:
        lines = file.write()
    except configobj.ConfigObjError as error:
        raise UsageError("configuration", str(error), "use paths without both kinds of quotes") from error
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")


def _mounts(section: dict[str, str | list[str]], what: str) -> tuple[Mount, ...]:
    mounts = []
    for host, value in section.items():
        text, writable = split_mode(value if isinstance(value, str) else ",".join(value))
        if not host.startswith("/"):
            raise UsageError(what, f"[directory] {host!r} is not an absolute path of the host")
        mounts.append(Mount(host, container_path(text, f"{what}, [directory] {host}"), writable))
    return tuple(mounts)


def _links(section: dict[str, str | list[str]]) -> tuple[Link, ...]:
    texts = []
    for name, value in section.items():
        if name == _GLOBS:
            texts += [value] if isinstance(value, str) else value
        else:
            texts.append(f"{name}:{value}")
    return parse_links(texts)
