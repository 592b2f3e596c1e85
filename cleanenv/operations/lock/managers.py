"""Packages installed and removed by their managers, in a container that runs.

Every name is an argument of its own, and no shell reads it; what it may look like says model/package.py.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment
from cleanenv.model.container import Finished
from cleanenv.model.host import Host
from cleanenv.model.package import Package

__all__ = ["Container", "install_debian", "install_others", "uninstall"]

_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_APT = ("apt-get", "--yes", "--quiet")
_GONE = "not there any more"
# What the managers say of a version that their index does not have.
_NOT_THERE = re.compile(r"No matching distribution found|\bETARGET\b|\bE404\b|Could not find a valid gem")
_NOT_FETCHED = re.compile(r"^(?:E: |W: Failed to fetch|W: Some index files failed)", re.MULTILINE)
_UNREACHABLE = re.compile(r"Retrying \(Retry|\bENOTFOUND\b|\bECONNREFUSED\b|Unable to download data from")


@dataclass(frozen=True, slots=True)
class Container:
    """A container that runs, its live directory served: the environment that packages come into."""

    engine: Engine
    environment: Environment
    host: Host
    progress: ProgressReport

    def as_root(self, *command: str) -> Finished:
        """Run a program as the container's root, with the caller's proxies."""
        own = self.host.variables
        proxies = {name: own[name] for each in _PROXIES for name in (each, each.upper()) if name in own}
        return self.engine.run(self.environment.state.container_id, command, {**proxies, **_QUIET})

    def as_user(self, *command: str) -> Finished:
        """Run a program as the environment's user, with the caller's variables: the way of a call."""
        finished = subprocess.run(
            [self.environment.paths.bin / ".hook", *command],
            cwd="/",
            env=dict(self.host.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout.decode("utf-8", "replace"))

    @property
    def is_root(self) -> bool:
        """Whether the environment's user is root, who installs for all."""
        return self.environment.state.user.uid == 0


def install_debian(container: Container, wanted: Mapping[Package, str]) -> dict[Package, str]:
    """Install these versions; of one that the mirrors do not have the one that they have. What was not to be had: why.

    A mirror keeps the last version in a release alone, so what it has instead is the same with a fault less.
    """
    container.progress("asking the mirrors", 0, None)
    update = container.as_root(*_APT, "update")
    # An index that could not be fetched is a warning, if there is one from before.
    is_updated = update.status == 0 and not _NOT_FETCHED.search(update.output)
    why = "" if is_updated else _last_words(update)
    offered = _offered(container, wanted)
    exact = {each for each, version in wanted.items() if version in offered.get(each.name, ())}
    reasons = {each: why or _not_offered(offered.get(each.name, ())) for each in wanted if each not in exact}
    pinned = [f"{each.name}={wanted[each]}" for each in sorted(exact)]
    others = [each.name for each in sorted(reasons) if each.name in offered]
    if pinned or others:
        container.progress(f"installing {len(pinned) + len(others)} packages by apt", 0, None)
        options = ("install", "--no-install-recommends", "--allow-downgrades", "--")
        finished = container.as_root(*_APT, *options, *pinned, *others)
        if finished.status != 0:
            words = _last_words(finished)
            container.as_root(*_APT, *options, *(each.name for each in sorted(exact)), *others)
            reasons |= dict.fromkeys(exact, words)
        container.as_root("apt-get", "clean")
    return reasons


def install_others(container: Container, manager: str, wanted: Mapping[Package, str]) -> dict[Package, str]:
    """Install these versions by a manager whose index keeps all of them. What was not to be had: why.

    All at once, since they may need each other; and if that fails each by itself.
    """
    container.progress(f"installing {len(wanted)} packages by {manager}", 0, None)
    command = tuple(_install_command(container, manager))
    words = {each: list(_requests(manager, each, version)) for each, version in sorted(wanted.items())}
    if container.as_user(*command, *(word for each in words.values() for word in each)).status == 0:
        return {}
    reasons = {}
    for number, (package, requests) in enumerate(words.items()):
        container.progress(f"installing packages by {manager} one by one", number, len(words))
        finished = container.as_user(*command, *requests)
        if finished.status != 0:
            reasons[package] = _reason(finished)
    return reasons


def uninstall(container: Container, manager: str, names: list[str]) -> None:
    """Remove packages. One that others need, or that is not the user's to remove, stays."""
    if not names:
        return
    container.progress(f"removing {len(names)} packages by {manager}", 0, None)
    if manager == "deb":
        container.as_root(*_APT, "remove", "--", *names)
    elif manager == "npm":
        container.as_user("npm", "uninstall", *_npm_options(container), "--", *names)
    elif manager == "gem":
        container.as_user("gem", "uninstall", "--all", "--executables", "--ignore-dependencies", *names)
    else:
        container.as_user(*_pip(manager), "uninstall", "--yes", "--", *names)


def _install_command(container: Container, manager: str) -> Iterator[str]:
    if manager == "npm":
        yield from ("npm", "install", *_npm_options(container), "--")
    elif manager == "gem":
        # A user's gems are called from where its programs are.
        own = () if container.is_root else ("--user-install", "--bindir", _own(container, "bin"))
        yield from ("gem", "install", "--no-document", "--ignore-dependencies", *own)
    else:
        yield from (*_pip(manager), "install", "--no-deps", "--disable-pip-version-check", "--no-input", "--")


def _requests(manager: str, package: Package, version: str) -> Iterator[str]:
    if manager == "npm":
        yield f"{package.name}@{version}"
    elif manager == "gem":
        yield from (f"{package.name}:{each}" for each in version.split(", "))
    else:
        yield f"{package.name}=={version}"


def _pip(manager: str) -> tuple[str, ...]:
    return (f"python{manager.removeprefix('pip')}", "-m", "pip")


def _npm_options(container: Container) -> tuple[str, ...]:
    return ("--global", *(() if container.is_root else ("--prefix", _own(container))))


def _own(container: Container, *parts: str) -> str:
    return "/".join((container.environment.state.user.home.rstrip("/"), ".local", *parts))


def _offered(container: Container, wanted: Mapping[Package, str]) -> dict[str, list[str]]:
    """The versions that the mirrors have, by name (apt-cache(8), madison)."""
    offered: dict[str, list[str]] = {}
    listed = container.as_root("apt-cache", "madison", "--", *(each.name for each in sorted(wanted)))
    for line in listed.output.splitlines():
        columns = [column.strip() for column in line.split("|")]
        if len(columns) == 3:  # noqa: PLR2004 (name, version, index)
            offered.setdefault(columns[0], []).append(columns[1])
    return offered


def _not_offered(versions: list[str] | tuple[str, ...]) -> str:
    return f"{_GONE}, the mirrors have {', '.join(dict.fromkeys(versions))}" if versions else f"{_GONE}"


def _reason(finished: Finished) -> str:
    if _NOT_THERE.search(finished.output) and not _UNREACHABLE.search(finished.output):
        return _GONE
    return _last_words(finished)


def _last_words(finished: Finished) -> str:
    lines = [line.strip() for line in finished.output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[EW]: |ERROR: |npm ERR! |npm error ", line)]
    return (errors or lines or [f"it ended with status {finished.status}"])[-1]
