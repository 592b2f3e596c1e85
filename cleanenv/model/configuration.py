"""What the user decided about an environment: its `cleanenv.conf`, as a value."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cleanenv.errors import UsageError
from cleanenv.model.host_link import HostLink
from cleanenv.model.link import DEFAULT_LINKS, Link
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Profile
from cleanenv.model.snapshot_rule import SnapshotRule
from cleanenv.model.user import UserRequest

__all__ = [
    "Configuration",
    "check_grace",
    "check_idle_timeout",
    "check_publish",
    "check_variable",
    "check_variable_pattern",
]

_PUBLISH = re.compile(
    r"(?:(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:]+\]):)?\d{1,5}(?:-\d{1,5})?:\d{1,5}(?:-\d{1,5})?"
    r"(?:/(?:tcp|udp|sctp))?",
    re.ASCII,
)
_SECONDS = re.compile(r"\d{1,5}", re.ASCII)
_GRACE_S = 8
_GRACE_MAX_S = 86400
_IDLE_TIMEOUT_S = 300
_IDLE_TIMEOUT_MAX_S = 10**9
_NEVER = "off"
_PORT_MAX = 65535
# What the agent sets for every program, from the user.
_USERS_OWN = frozenset({"HOME", "USER", "LOGNAME", "SHELL"})


@dataclass(frozen=True, slots=True)
class Configuration:
    """`None` is what nothing was said about: the default applies.

    `environment` are variables for programs whose caller does not set them. Of the caller's own, `deny_env` (names or
    patterns) are never handed on, and if there are `allow_env`, only those are. `on_activate` and the like are lines
    for the container's shell, in their order. `grace` are the seconds that programs have between HUP and KILL when
    their launcher died, and between TERM and KILL when the container stops. `idle_timeout` is in seconds, 0 for never.
    """

    base: str | None = None
    mounts: tuple[Mount, ...] = ()
    links: tuple[Link, ...] | None = None
    host_links: tuple[HostLink, ...] = ()
    network: str | None = None
    publish: tuple[str, ...] = ()
    user: UserRequest | None = None
    sudo: bool = False
    persistent: bool = False
    idle_timeout: int | None = None
    grace: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    deny_env: tuple[str, ...] = ()
    allow_env: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()
    snapshot_rules: tuple[SnapshotRule, ...] = ()
    on_activate: tuple[str, ...] = ()
    on_deactivate: tuple[str, ...] = ()
    on_destroy: tuple[str, ...] = ()

    @property
    def effective_links(self) -> tuple[Link, ...]:
        return DEFAULT_LINKS if self.links is None else self.links

    @property
    def effective_grace(self) -> int:
        return _GRACE_S if self.grace is None else self.grace

    @property
    def effective_idle_timeout(self) -> int:
        """How long the container runs on when nobody uses it, in seconds; 0: until it is stopped."""
        if self.persistent:
            return 0
        return _IDLE_TIMEOUT_S if self.idle_timeout is None else self.idle_timeout

    @property
    def effective_network(self) -> str:
        """The host's network, unless ports are published: it has nothing to publish."""
        return self.network or ("bridge" if self.publish else "host")

    def over(self, other: Configuration) -> Configuration:
        """What this one says, and what the other one says where this one is silent.

        Directories, links, variables, profiles and snapshot rules are entries of a table, each of them over its like;
        other lists are one value.
        """
        mounts = tuple(
            each
            for each in other.mounts
            if not any(each.host == own.host or each.container == own.container for own in self.mounts)
        )
        links = self.links
        if other.links is not None:
            own_links = self.links or ()
            named = {link.name for link in own_links if link.name is not None}
            links = (*(each for each in other.links if each.name not in named and each not in own_links), *own_links)
        rules = (
            *(each for each in other.snapshot_rules if not any(own.replaces(each) for own in self.snapshot_rules)),
        )
        return Configuration(
            base=other.base if self.base is None else self.base,
            mounts=mounts + self.mounts,
            links=links,
            host_links=tuple(
                {**{e.name: e for e in other.host_links}, **{e.name: e for e in self.host_links}}.values()
            ),
            network=other.network if self.network is None else self.network,
            publish=self.publish or other.publish,
            user=other.user if self.user is None else self.user,
            sudo=self.sudo or other.sudo,
            persistent=self.persistent or other.persistent,
            grace=other.grace if self.grace is None else self.grace,
            idle_timeout=other.idle_timeout if self.idle_timeout is None else self.idle_timeout,
            environment=tuple({**dict(other.environment), **dict(self.environment)}.items()),
            deny_env=self.deny_env or other.deny_env,
            allow_env=self.allow_env or other.allow_env,
            profiles=self.profiles
            + tuple(each for each in other.profiles if each.programs not in {own.programs for own in self.profiles}),
            snapshot_rules=self.snapshot_rules + rules,
            on_activate=self.on_activate or other.on_activate,
            on_deactivate=self.on_deactivate or other.on_deactivate,
            on_destroy=self.on_destroy or other.on_destroy,
        )


def check_grace(text: str, what: str) -> int:
    """The number of seconds. Raises UsageError, naming `what`."""
    if not _SECONDS.fullmatch(text) or int(text) > _GRACE_MAX_S:
        raise UsageError(what, f"{text!r} is no number of seconds", f"use a whole number up to {_GRACE_MAX_S}")
    return int(text)


def check_publish(text: str, what: str) -> str:
    """The port mapping as it is. Raises UsageError, naming `what`."""
    if not _PUBLISH.fullmatch(text) or not _are_ports(text):
        raise UsageError(what, f"{text!r} is no port mapping", "use [HOST-IP:]HOST:CONTAINER[/tcp|/udp]")
    return text


def check_idle_timeout(text: str, what: str) -> int:
    """Seconds; 0 for `off`. Raises UsageError, naming `what`."""
    if text == _NEVER:
        return 0
    if not text.isascii() or not text.isdecimal() or int(text) > _IDLE_TIMEOUT_MAX_S:
        raise UsageError(what, f"{text!r} is no number of seconds", "use whole seconds, or off")
    return int(text)


def _are_ports(text: str) -> bool:
    """Whether each is one, and as many lead out as in."""
    ranges = [part.partition("-") for part in text.partition("/")[0].split(":")[-2:]]
    ports = [(int(first), int(last or first)) for first, _, last in ranges]
    return len({last - first for first, last in ports}) == 1 and all(0 < a <= b <= _PORT_MAX for a, b in ports)


def check_variable(name: str, what: str) -> str:
    """The variable's name as it is. Raises UsageError, naming `what`."""
    if not name or "=" in name or "\0" in name:
        raise UsageError(what, f"{name!r} is no name of a variable", "use NAME=VALUE")
    if name in _USERS_OWN:
        raise UsageError(what, f"{name} comes from the user of the environment", "use --user for another user")
    return name


def check_variable_pattern(text: str, what: str) -> str:
    """The name of a variable, or the pattern of names, as it is. Raises UsageError, naming `what`."""
    if not text or "=" in text or "\0" in text:
        raise UsageError(what, f"{text!r} is no name of a variable", "use NAME, or a pattern such as 'AWS_*'")
    return text
