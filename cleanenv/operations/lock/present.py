"""The packages that programs of an environment find."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cleanenv.contents import read_packages
from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment
from cleanenv.model.package import Package, is_package
from cleanenv.operations.reading import counted

__all__ = ["Present", "chosen", "present"]

_PYTHON = re.compile(r"lib/python(\d+\.\d+)/(?:site|dist)-packages", re.ASCII)
_NODE = "lib/node_modules"
# What packages of the distribution have brought: Debian's Python, and Ruby wherever it is not below /usr/local.
_DISTRIBUTION = re.compile(r"/usr/lib/python3/dist-packages|/usr/(?!local/).*(?:ruby|gems).*")


@dataclass(frozen=True, slots=True)
class Present:
    """Packages as a lock file names them. `left_out` says what else there is, and cannot be in one."""

    packages: Mapping[Package, str]
    left_out: tuple[str, ...]


def present(engine: Engine, environment: Environment, progress: ProgressReport) -> Present:
    """Read the container, which may run or not. Raises EngineError."""
    with engine.export_container(environment.state.container_id) as chunks:
        found = read_packages(counted(chunks, "reading the container", progress))
    return chosen(found, environment.state.user.home)


def chosen(found: Mapping[Package, str], home: str) -> Present:
    """Of a package that is in several places the one that programs find: the home's before the system's."""
    packages: dict[Package, str] = {}
    left_out: set[str] = set()
    roots = ("/usr", "/usr/local", f"{home.rstrip('/')}/.local")
    for root in roots:
        packages.update(
            (Package(manager, package.name), version)
            for package, version in found.items()
            if (manager := _manager(package, root)) is not None
        )
    for package, version in found.items():
        if package.manager == "deb":
            packages[package] = version
        elif package.manager == "gem" and not _DISTRIBUTION.fullmatch(package.directory):
            merged = Package("gem", package.name)
            versions = {*packages.get(merged, version).split(", "), *version.split(", ")}
            packages[merged] = ", ".join(sorted(versions))
        elif not _DISTRIBUTION.fullmatch(package.directory) and not any(_manager(package, root) for root in roots):
            left_out.add(f"{package.manager} packages in {package.directory}")
    for package, version in list(packages.items()):
        if not is_package(package, version):
            del packages[package]
            left_out.add(f"{package.manager} package {package.name!r} {version!r}")
    return Present(packages, tuple(sorted(left_out)))


def _manager(package: Package, root: str) -> str | None:
    """As a lock file calls it, if the package is one that it installs below `root`."""
    directory = package.directory.removeprefix(f"{root}/")
    if package.manager == "npm" and directory == _NODE:
        return "npm"
    python = _PYTHON.fullmatch(directory) if package.manager == "pip" else None
    return f"pip{python[1]}" if python else None
