"""A package of a package manager, and the names and versions that one may have."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Package", "is_manager", "is_package"]

# Each is an argument of its manager: it begins with a letter or a digit, so that it is no option, and a version ends
# with one where a sign there would mean something ("vim=1-" tells apt-get to remove vim).
_FORMS = {
    # Debian Policy 5.6.1 and 5.6.12; a package of another architecture has that behind a colon.
    "deb": (r"[a-z0-9][a-z0-9+.-]+(?::[a-z0-9][a-z0-9-]*)?", r"[0-9A-Za-z](?:[0-9A-Za-z.+:~-]*[0-9A-Za-z~])?"),
    # Names and version specifiers, PyPA.
    "pip": (r"[0-9A-Za-z](?:[0-9A-Za-z._-]*[0-9A-Za-z])?", r"[0-9A-Za-z](?:[0-9A-Za-z.!+_-]*[0-9A-Za-z])?"),
    # package.json of npm; what a scope or a name may hold goes into an address as it is.
    "npm": (r"(?:@[0-9a-z~][\w.~-]*/)?[0-9A-Za-z~][\w.~-]*", r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]*[0-9A-Za-z])?"),
    # Several versions of a gem may be there at a time.
    "gem": (r"[0-9A-Za-z_][\w.-]*", r"\d+(?:\.[0-9A-Za-z]+)*(?:, \d+(?:\.[0-9A-Za-z]+)*)*"),
}
# Of a certain Python, as that installs its own pip: pip3.11.
_PIP = re.compile(r"pip\d+\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """A package of a manager ("deb", "pip", "npm", "gem").

    `directory` is where it is, for managers that install into several places.
    """

    manager: str
    name: str
    directory: str = ""


def is_manager(text: str) -> bool:
    """Whether a lock file may have packages of it: deb, npm, gem, and the pip of a certain Python."""
    return (text in _FORMS and text != "pip") or _PIP.fullmatch(text) is not None


def is_package(package: Package, version: str) -> bool:
    """Whether name and version are such as its manager gives."""
    name_form, version_form = _FORMS["pip" if _PIP.fullmatch(package.manager) else package.manager]
    return (
        re.fullmatch(name_form, package.name, re.ASCII) is not None
        and re.fullmatch(version_form, version, re.ASCII) is not None
    )
