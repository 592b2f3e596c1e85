"""The programs of the live directory as they are in the container at this moment.

A lookup asks the agent about the paths that the links give that name, a listing asks about all links. Lookups that come
one after the other, as those of a script with the directory in its PATH, are answered by one listing as long as nothing
changes in the container, for a second at most. When the container is down or its agent silent, the last listing shows.
Safe for several threads; each method is bounded by the agent's timeout.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

from cleanenv.agent.client import AgentAbsentError
from cleanenv.agent.wire import Match
from cleanenv.errors import AgentError
from cleanenv.model.link import Link, is_valid_name
from cleanenv.server.listing import KnownProgram, Listing, load_listing, save_listing
from cleanenv_fuse.tree import Program

__all__ = ["BACK_OFF_S", "TRUST_S", "Globber", "LiveCatalog"]

# After a silence the agent is left alone that long: one that hangs delays one lookup in so many seconds.
BACK_OFF_S = 2.0

# A listing answers lookups that long: what a symbolic link leads to may change unseen.
TRUST_S = 1.0

_BURST_S = 0.1  # between two lookups that are worth a listing: it takes as long as five of them

_SPECIAL = re.compile(r"[\\*?\[]")
_REMEMBERED_NAMES = 1024

_log = logging.getLogger(__name__)


class Globber(Protocol):
    """The one question to the agent; `cleanenv.agent.client.AgentClient` asks it."""

    def glob(self, patterns: Sequence[str], /) -> tuple[Match, ...]:
        """The executable files that match each pattern. Raises AgentError."""


class LiveCatalog:
    """A catalog for `cleanenv_fuse.tree.BinDirectory`.

    Named links come before globs, globs in the order of the list; the first that leads to an executable file
    serves the name. A named link that the agent was never asked about is served while it cannot be asked:
    running it starts the container, and then the truth shows. `on_answer` hears of every answer: the agent is there.
    `state` is `ContainerWatch.state`.
    """

    def __init__(
        self,
        links: Sequence[Link],
        agent: Globber,
        listing_path: str,
        *,
        mtime_ns: int,
        clock: Callable[[], float] = time.monotonic,
        on_answer: Callable[[], None] = lambda: None,
        state: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._agent = agent
        self._listing_path = listing_path
        self._mtime_ns = mtime_ns
        self._clock = clock
        self._on_answer = on_answer
        self._state = state
        self._listed_state: int | None = None  # of the container, before the last listing was asked for
        self._listed_at = 0.0
        self._looked_up_at = -_BURST_S
        self._lock = threading.Lock()
        self._ask_again_at = 0.0
        self._was_silent = False
        self._can_save = True
        self._known = load_listing(listing_path)
        self._use_links(links)

    @property
    def patterns(self) -> tuple[str, ...]:
        """What the agent is asked for in a listing, pattern by pattern like `links`."""
        return tuple(link.path if link.is_glob else _escape(link.path) for link in self._links)

    @property
    def links(self) -> tuple[Link, ...]:
        """The links, in the order in which they are tried."""
        return self._links

    def replace_links(self, links: Sequence[Link]) -> None:
        """Serve these links from now on."""
        with self._lock:
            self._use_links(links)
            self._ask_for_all()

    def refresh(self) -> bool:
        """Ask the agent at once for everything, even after a silence. Whether it answered."""
        with self._lock:
            self._ask_again_at = 0.0
            return self._ask_for_all()

    def find(self, name: str) -> Program | None:
        """The program of that name."""
        with self._lock:
            patterns = self._patterns(name)
            if not patterns:
                return None
            if self._is_listed():
                listed = self._known.programs.get(name)
                return None if listed is None else listed.program
            matches = self._ask(patterns)
            if matches is None:
                return self._remembered(name, patterns)
            match = min(matches, key=lambda match: match.pattern, default=None)
            known = None
            if match is not None:
                known = KnownProgram(Program(name, match.path, match.mtime_ns), patterns[match.pattern])
            self._note(name, known)
            return None if known is None else known.program

    def programs(self) -> tuple[Program, ...]:
        """All programs."""
        with self._lock:
            if self._ask_for_all():
                return tuple(known.program for known in self._known.programs.values())
            names = dict.fromkeys(self._known.programs)
            names.update(dict.fromkeys(link.name for link in self._links if link.name is not None))
            remembered = (self._remembered(name, self._patterns(name)) for name in names)
            return tuple(program for program in remembered if program is not None)

    def _is_listed(self) -> bool:
        """Whether the listing is the truth. In a burst of lookups it is made so."""
        now = self._clock()
        is_burst = now - self._looked_up_at < _BURST_S
        self._looked_up_at = now
        if self._is_trusted(now):
            return True
        return is_burst and self._state() is not None and self._ask_for_all() and self._is_trusted(now)

    def _is_trusted(self, now: float) -> bool:
        is_young = self._listed_state is not None and now - self._listed_at < TRUST_S
        return is_young and self._state() == self._listed_state

    def _use_links(self, links: Sequence[Link]) -> None:
        self._listed_state = None
        ordered = tuple(sorted(links, key=lambda link: link.is_glob))
        self._links = ordered
        self._patterns = lru_cache(_REMEMBERED_NAMES)(lambda name: _patterns_for(ordered, name))

    def _ask(self, patterns: Sequence[str]) -> tuple[Match, ...] | None:
        """The agent's answer, or None when it has none to give."""
        if self._clock() < self._ask_again_at:
            return None
        try:
            matches = self._agent.glob(patterns)
        except AgentAbsentError:
            return None
        except AgentError as error:
            self._ask_again_at = self._clock() + BACK_OFF_S
            if not self._was_silent:
                _log.warning("the last listing is shown: %s", error)
            self._was_silent = True
            return None
        self._was_silent = False
        self._on_answer()
        return matches

    def _ask_for_all(self) -> bool:
        # Before the question: what changes during the answer makes another state.
        state, now = self._state(), self._clock()
        matches = self._ask(self.patterns)
        if matches is None:
            return False
        self._listed_state, self._listed_at = state, now
        programs: dict[str, KnownProgram] = {}
        for match in sorted(matches, key=lambda match: match.pattern):
            link = self._links[match.pattern]
            name = link.name or os.path.basename(match.path)
            # The agent's idea of a pattern must be that of the lookups; and its answer may be hostile.
            if name not in programs and is_valid_name(name) and link.path_for(name) is not None:
                program = Program(name, match.path, match.mtime_ns)
                programs[name] = KnownProgram(program, _pattern(link, name))
        self._remember(Listing(self._links, programs))
        return True

    def _note(self, name: str, known: KnownProgram | None) -> None:
        """Keep the last listing true to what a lookup found out."""
        before = self._known.programs.get(name)
        if known == before:
            return
        if (known is None) != (before is None):
            self._ask_for_all()  # something was installed or removed, and rarely one file alone
        programs = dict(self._known.programs)
        if known is None:
            programs.pop(name, None)
        else:
            programs[name] = known
        self._remember(Listing(self._known.links, programs))

    def _remember(self, listing: Listing) -> None:
        if listing == self._known:
            return
        self._known = listing
        try:
            save_listing(self._listing_path, listing)
            self._can_save = True
        except OSError as error:
            if self._can_save:  # in a read-only environment every change would say so
                _log.warning("the listing cannot be kept for later: %s", error)
            self._can_save = False

    def _remembered(self, name: str, patterns: Sequence[str]) -> Program | None:
        known = self._known.programs.get(name)
        if known is not None and known.pattern in patterns:
            return known.program
        for link in self._links:
            if link.name == name and link not in self._known.links:
                return Program(name, link.path, self._mtime_ns)
        return None


def _patterns_for(links: Sequence[Link], name: str) -> tuple[str, ...]:
    """What to ask the agent for one name, in the order in which the answers count."""
    patterns = (_pattern(link, name) for link in links if link.path_for(name) is not None)
    return tuple(dict.fromkeys(patterns))


def _pattern(link: Link, name: str) -> str:
    """The pattern for the file that serves `name`; only a glob's directory may be more than one path."""
    if link.name is not None:
        return _escape(link.path)
    return f"{os.path.dirname(link.path)}/{_escape(name)}"


def _escape(path: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", path)
