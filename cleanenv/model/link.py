"""A program of the container that the live directory serves."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cleanenv.errors import UsageError

__all__ = ["DEFAULT_LINKS", "RESERVED_NAMES", "Link", "is_valid_name", "make_link", "parse_link", "parse_links"]

# Names that the live directory itself serves beside the programs.
RESERVED_NAMES = frozenset(
    {"activate", "activate.fish", "activate.csh", "activate.nu", "activate.ps1", "activate.xsh"}
    | {"deactivate", "cleanenv", "inenv", "destroy", ".hook", ".session"}
)

_NAME_MAX = 255  # bytes, limits.h
_GLOB_CHARACTERS = frozenset("*?[")
# Escapes, [^x] and [[:digit:]] are read in different ways by the C library and by Python.
_FOREIGN_GLOB = re.compile(r"\\|\[!?\^|\[[:.=]")


@dataclass(frozen=True, slots=True)
class Link:
    """`name` runs the program at `path`; a glob has no name and serves each match under its own.

    `path` is absolute in the container, or begins with `~/` (the home of the environment's user).
    """

    name: str | None
    path: str

    @property
    def is_glob(self) -> bool:
        return self.name is None

    def path_for(self, program: str) -> str | None:
        """The container path that would serve `program`; a glob's directory part may still be a pattern."""
        if self.name is not None:
            return self.path if self.name == program else None
        directory, pattern = os.path.split(self.path)
        if program.startswith(".") and not pattern.startswith("."):  # glob(7): a leading period is not matched
            return None
        return f"{directory}/{program}" if fnmatch.fnmatchcase(program, pattern) else None


def _globs(directory: str, patterns: str) -> tuple[Link, ...]:
    return tuple(Link(None, f"{directory}/{pattern}") for pattern in patterns.split())


# Without any --link: what the user installs (live), and the language tools of the image.
# Never all of /usr/bin: entering an environment must not replace the host's `ls`.
DEFAULT_LINKS = (
    *_globs("~/.local/bin", "*"),
    *_globs("/usr/local/bin", "*"),
    *_globs(
        "/usr/bin",
        "python python[23]* pip pip[23]* pydoc pydoc[23]* ruby ruby[0-9]* gem gem[0-9]* irb irb[0-9]* bundle bundler"
        " rake node nodejs npm npx perl perl5* cpan lua lua5* luac luac5* php php[0-9]* composer java javac jar"
        " gcc gcc-[0-9]* g++ g++-[0-9]* cc c++ clang clang-[0-9]* clang++ clang++-[0-9]* make cmake"
        " go gofmt rustc cargo ghc ghci cabal ocaml opam erl erlc elixir iex mix R Rscript julia",
    ),
)


def is_valid_name(name: str) -> bool:
    """Whether the live directory can serve a file of that name beside its own files."""
    return (
        name not in RESERVED_NAMES
        and name not in ("", ".", "..")
        and "/" not in name
        and "\0" not in name
        and len(os.fsencode(name)) <= _NAME_MAX
    )


def parse_link(text: str) -> Link:
    """Read `[NAME:]PATH`; a path with `*`, `?` or `[` in it is a glob and takes no name. Raises UsageError."""
    what = f"link {text!r}"
    name: str | None = None
    path = text
    if not text.startswith(("/", "~/")):
        name, colon, path = text.partition(":")
        if not colon:
            raise UsageError(what, "the container path is not absolute", "use [NAME:]/PATH/IN/THE/CONTAINER")
    return make_link(name, path, what)


def make_link(name: str | None, path: str, what: str) -> Link:
    """The link, its path in normal form; without a name it takes that of the path. Raises UsageError, naming `what`."""
    if not path.startswith(("/", "~/")):
        raise UsageError(what, f"the container path {path!r} is not absolute", "use [NAME:]/PATH/IN/THE/CONTAINER")
    if "\0" in path:
        raise UsageError(what, "a path cannot contain a NUL byte")
    if path.endswith("/") or os.path.basename(path) in (".", ".."):
        raise UsageError(what, "the path names a directory, not a program", f"to link all in it: {path.rstrip('/')}/*")
    path = os.path.normpath(path) if path.startswith("~/") else "/" + os.path.normpath(path).strip("/")
    is_glob = not _GLOB_CHARACTERS.isdisjoint(path)
    if is_glob and _FOREIGN_GLOB.search(path):
        raise UsageError(what, "a pattern is made of *, ?, [abc], [a-z] and [!abc] only", "use ? for other characters")
    if is_glob and name is not None:
        raise UsageError(what, "a pattern serves its programs under their own names", "leave the name away")
    if is_glob:
        return Link(None, path)
    name = os.path.basename(path) if name is None else name
    if not is_valid_name(name) or name == "*":  # which in a configuration stands for the patterns
        reason = "is a name of the live directory itself" if name in RESERVED_NAMES else "is no name for a program"
        raise UsageError(what, f"{name!r} {reason}", "use another NAME:PATH")
    return Link(name, path)


def parse_links(texts: Iterable[str]) -> tuple[Link, ...]:
    """Read several links. Raises UsageError when two of them claim one name."""
    links: list[Link] = []
    for text in texts:
        link = parse_link(text)
        for other in links:
            if link == other:
                break
            if link.name is not None and link.name == other.name:
                raise UsageError(
                    f"link {text!r}",
                    f"the name {link.name!r} is taken by {other.path}",
                    f"give one of them another name: --link OTHER:{link.path}",
                )
        else:
            links.append(link)
    return tuple(links)
