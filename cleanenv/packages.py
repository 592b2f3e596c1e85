"""What package managers have written down in a root file system about what they have installed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from cleanenv.model.package import Package

__all__ = ["PackageReader", "is_record"]

_DPKG_STATUS = "var/lib/dpkg/status"
# NAME-VERSION.dist-info/METADATA (recording installed projects, PyPA) and the older NAME-VERSION…egg-info.
_PYTHON = re.compile(
    r"(?:(.*)/)?((?:site|dist)-packages)/([A-Za-z0-9_.]+)-([^-/]+)(?:-py[\d.]+)?"
    r"\.(?:dist-info/METADATA|egg-info(?:/PKG-INFO)?)"
)
# What was installed with --global, and not what stands below it.
_NODE = re.compile(r"((?:[^/]+/)*?lib/node_modules)/((?:@[^/]+/)?[^/@][^/]*)/package\.json")
# NAME-VERSION[-PLATFORM].gemspec; those in specifications/default/ are parts of Ruby.
_GEM = re.compile(r"(.*)/specifications/([^/]+)-(\d[0-9A-Za-z.]*)(?:-[a-z][^/]*)?\.gemspec", re.ASCII)


def is_record(path: str) -> bool:
    """Whether the content of that file tells of packages, and not its name alone. The path begins without a /."""
    return path == _DPKG_STATUS or _NODE.fullmatch(path) is not None


class PackageReader:
    """Takes the files of a root file system one by one, in any order."""

    def __init__(self) -> None:
        self.packages: dict[Package, str] = {}

    def add(self, path: str, content: bytes) -> None:
        """Take a file; its content is needed only where is_record says so."""
        if path == _DPKG_STATUS:
            self.packages.update(_debian(content.decode("utf-8", "replace")))
        elif python := _PYTHON.fullmatch(path):
            directory = f"/{python[1] or ''}/{python[2]}".replace("//", "/")
            self.packages[Package("pip", _normal(python[3]), directory)] = python[4]
        elif node := _NODE.fullmatch(path):
            version = _node_version(content)
            if version:
                self.packages[Package("npm", node[2], f"/{node[1]}")] = version
        elif gem := _GEM.fullmatch(path):
            package = Package("gem", gem[2], f"/{gem[1]}")
            versions = {*filter(None, self.packages.get(package, "").split(", ")), gem[3]}
            self.packages[package] = ", ".join(sorted(versions))


def _debian(status: str) -> Iterator[tuple[Package, str]]:
    """The installed ones of a dpkg status file (deb-control(5))."""
    found = []
    native = ""
    for paragraph in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        name, architecture = fields.get("Package", ""), fields.get("Architecture", "")
        if name and fields.get("Status", "").endswith(" installed"):
            found.append((name, architecture, fields.get("Version", "")))
            if name == "dpkg":
                native = architecture
    for name, architecture, version in found:
        is_foreign = native and architecture not in ("", "all", native)
        yield Package("deb", f"{name}:{architecture}" if is_foreign else name), version


def _node_version(content: bytes) -> str | None:
    try:
        data: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    version = data.get("version") if isinstance(data, dict) else None
    return version if isinstance(version, str) else None


def _normal(name: str) -> str:
    """As the index of packages spells it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
