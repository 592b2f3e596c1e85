"""Make an environment as a lock file says."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping

from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, open_environment
from cleanenv.errors import CleanenvError, ImageNotFoundError, UsageError
from cleanenv.model.configuration import Configuration
from cleanenv.model.container import Image
from cleanenv.model.host import Host
from cleanenv.model.lock import Difference, Lock, differences
from cleanenv.model.package import Package
from cleanenv.operations import live
from cleanenv.operations.hooks import Warn
from cleanenv.operations.lock.managers import Container, install_debian, install_others, uninstall
from cleanenv.operations.lock.present import present
from cleanenv.operations.snapshots.take import Request, take

__all__ = ["Rebuild", "make_rebuild"]

_DEBIAN = "deb"
_SNAPSHOT = "locked"


def make_rebuild(lock: Lock, configuration: Configuration, what: str) -> Rebuild:
    """For an environment of that configuration. Raises UsageError, naming `what`, for variables without a value."""
    said = dict(configuration.environment)
    missing = [name for name in lock.variables if name not in said]
    if missing:
        hint = " ".join(f"--env {shlex.quote(name)}=VALUE" for name in missing)
        raise UsageError(what, f"it does not have the values of {', '.join(missing)}", hint)
    return Rebuild(lock)


class Rebuild:
    """Takes part in a creation: it says the image, and brings the packages in. `differences` are known after that."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._image: Difference | None = None
        self.differences: tuple[Difference, ...] = ()

    def image(self, engine: Engine, progress: ProgressReport, by_name: Callable[[str | None], Image]) -> Image:
        """The image that was locked, local or pulled; where nobody has it any more, what has its name now."""
        lock = self._lock
        image = engine.image(lock.digest)
        why = "not on this machine, and in no registry"
        if image is None and "@" in lock.digest:
            try:
                return engine.pull(lock.digest, progress)
            except ImageNotFoundError as error:
                why = error.why
        if image is None:
            image = by_name(lock.image)
            digest = min(image.digests, default=image.id)
            self._image = Difference(f"image {lock.image}", lock.digest, digest, why)
        return image

    def install(self, engine: Engine, environment: Environment, host: Host, progress: ProgressReport) -> None:
        """Install what the lock has and the container has not, in the container that runs.

        Where the image is the locked one, what it has and the lock has not was removed by the user, and is here too. Of
        another one it stays: there is no telling what needs it.
        """
        live.ensure_mounted(environment, host)
        container = Container(engine, environment, host, progress)
        wanted = self._lock.packages
        reasons: dict[Package, str] = {}
        found = present(engine, environment, progress).packages
        # Managers come as packages of Debian, and so does some of what they have.
        for is_debian in (True, False):
            changes = 0
            for manager in sorted({each.manager for each in (*wanted, *found)}):
                if (manager == _DEBIAN) is is_debian:
                    changes += self._adjust(container, manager, found, reasons)
            if changes:
                found = present(engine, environment, progress).packages
        image = () if self._image is None else (self._image,)
        self.differences = (*image, *differences(wanted, found, reasons))

    def keep(
        self, engine: Engine, environment: Environment, host: Host, progress: ProgressReport, warn: Warn
    ) -> Environment:
        """Take a snapshot of what was installed, where going back is to end. Returns the environment with it."""
        root = environment.paths.root
        try:
            request = Request(_SNAPSHOT, only_if_changed=True)
            take(root, request, host, connect=lambda: engine, progress=progress)
        except CleanenvError as error:
            warn(f"{error}: what was installed is in no snapshot: {error.hint or 'cleanenv snapshot create'}")
        return open_environment(root)

    def _adjust(
        self, container: Container, manager: str, found: Mapping[Package, str], reasons: dict[Package, str]
    ) -> int:
        """Bring one manager's packages to what is wanted; how many are to change."""
        mine = {each: version for each, version in self._lock.packages.items() if each.manager == manager}
        missing = {each: version for each, version in mine.items() if found.get(each) != version}
        extra = [each.name for each in sorted(found) if each.manager == manager and each not in mine]
        if self._image is None:
            uninstall(container, manager, extra)
        if missing:
            install = (
                install_debian(container, missing)
                if manager == _DEBIAN
                else install_others(container, manager, missing)
            )
            reasons |= install
        return len(missing) + len(extra)
