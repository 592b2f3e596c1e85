"""The host's own package sources for one suite, so that its mirror and its keys serve a bootstrap too.

Both formats of sources.list(5) are read, and only what belongs to the distribution is taken: a bootstrapped
image has the host's mirror, not the host's third-party repositories.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["AptSource", "default_sources", "parse_sources", "sources_for"]

_LINE = re.compile(
    r"deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)\s+(?P<suite>\S+)"
    r"(?P<components>(?:\s+[^#\s]+)*)\s*(?:#.*)?"
)


@dataclass(frozen=True, slots=True)
class AptSource:
    """One archive of packages; `signed_by` is the path of a keyring on the host, None for apt's own keys."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str | None = None

    def line(self) -> str:
        """The source in the one-line format."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{self.uri} {self.suite} {' '.join(self.components)}"


def parse_sources(name: str, text: str) -> tuple[AptSource, ...]:
    """The sources of a file of that name (`….sources` is in the stanza format, all others have lines)."""
    return tuple(_stanzas(text) if name.endswith(".sources") else _lines(text))


def sources_for(
    family: str, suite: str, sources: Sequence[AptSource], read: Callable[[str], str | None]
) -> tuple[AptSource, ...]:
    """Of the host's sources those for the suite, its updates and its security fixes.

    Empty without one for the suite itself. `read` gives the text of a file of the host: a `mirror+file:`
    names a list of mirrors.
    """
    usable = [
        AptSource(uri, source.suite, source.components, source.signed_by)
        for source in sources
        if (uri := _reachable_inside(source.uri, read)) is not None and _is_official(source, family)
    ]
    # A repository of somebody else may have a suite of that name; the distribution's is named by its path.
    usable.sort(key=lambda source: family not in source.uri)
    chosen = (
        next((source for source in usable if source.suite == name), None)
        for name in (suite, f"{suite}-updates", f"{suite}-security")
    )
    found = tuple(source for source in chosen if source is not None)
    return found if any(source.suite == suite for source in found) else ()


def default_sources(family: str, suite: str, machine: str, *, is_released: bool) -> tuple[AptSource, ...]:
    """The distribution's public sources; a suite that is not released has no updates and security fixes."""
    if family == "ubuntu":
        components: tuple[str, ...] = ("main", "restricted", "universe", "multiverse")
        archive = "http://archive.ubuntu.com/ubuntu"
        security = "http://security.ubuntu.com/ubuntu"
        if machine not in {"x86_64", "i686"}:
            archive = security = "http://ports.ubuntu.com/ubuntu-ports"
    else:
        components = ("main",)
        archive, security = "http://deb.debian.org/debian", "http://deb.debian.org/debian-security"
    sources = (
        AptSource(archive, suite, components),
        AptSource(archive, f"{suite}-updates", components),
        AptSource(security, f"{suite}-security", components),
    )
    return sources if is_released else sources[:1]


def _is_official(source: AptSource, family: str) -> bool:
    if "main" not in source.components or "ppa.launchpad" in source.uri:
        return False
    return source.signed_by is None or f"{family}-archive" in source.signed_by


def _reachable_inside(uri: str, read: Callable[[str], str | None]) -> str | None:
    """The URI as the image can use it too: of a list of mirrors in a file of the host the first one."""
    if uri.startswith("mirror+file:"):
        text = read(uri.removeprefix("mirror+file:").replace("//", "", 1)) or ""
        mirrors = [line.split()[0] for line in text.splitlines() if line.strip() and not line.startswith("#")]
        return mirrors[0] if mirrors else None
    return None if uri.startswith(("file:", "copy:", "cdrom:")) else uri


def _lines(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match:
            options, uri, suite, components = match.groups()
            pairs = dict(option.partition("=")[::2] for option in (options or "").split())
            yield AptSource(uri, suite, tuple(components.split()), _keyring(pairs.get("signed-by", "")))


def _stanzas(text: str) -> Iterator[AptSource]:
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                fields[name] = f"{fields.get(name, '')}\n{line.strip()}"
                continue
            name, _, value = line.partition(":")
            name = name.lower()
            fields[name] = value.strip()
        is_enabled = fields.get("enabled", "yes").lower() not in {"no", "false"}
        if not is_enabled or "deb" not in fields.get("types", "").split():
            continue
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                components = tuple(fields.get("components", "").split())
                yield AptSource(uri, suite, components, _keyring(fields.get("signed-by", "")))


def _keyring(signed_by: str) -> str | None:
    """A keyring's path; for keys written into the source, and for fingerprints, apt's own keys must do."""
    paths = signed_by.replace(",", " ").split()
    return paths[0] if len(paths) == 1 and paths[0].startswith("/") else None
