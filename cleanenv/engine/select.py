"""Find the container engine to use, or say in one line why there is none and what to type to mend that.

The order: DOCKER_HOST or a docker context, Docker's socket, the user's Podman, the system's Podman.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanenv.engine.docker_context import Choice, chosen
from cleanenv.engine.probe import Endpoint, EngineVersion, Problem, probe
from cleanenv.errors import EngineUnavailableError

if TYPE_CHECKING:
    from cleanenv.engine.port import Engine

__all__ = ["Machine", "connect"]

_WHAT = "container engine"

# Docker 19.03: the first that binds a directory without what is mounted below it.
_OLDEST_API = (1, 40)
_OLDEST = "Docker 19.03 or Podman 4.0"

_Found = tuple[Endpoint, EngineVersion]


@dataclass(frozen=True, slots=True)
class Machine:
    """The files that decide: all below `root`, which is another directory than / only in tests."""

    root: str = "/"

    def path(self, absolute: str) -> str:
        """Where that path of the machine is."""
        return os.path.join(self.root, absolute.lstrip("/"))

    def runs_systemd(self) -> bool:
        """Whether systemd is the init (sd_booted(3))."""
        return os.path.isdir(self.path("/run/systemd/system"))

    def has_program(self, name: str, environ: Mapping[str, str]) -> bool:
        """Whether a program is installed; daemons are in directories that are not in every user's PATH."""
        directories = [environ.get("PATH", ""), *map(self.path, ("/usr/sbin", "/sbin", "/usr/local/sbin"))]
        return shutil.which(name, path=os.pathsep.join(filter(None, directories))) is not None

    def is_debian_like(self) -> bool:
        """Whether packages come by apt-get."""
        return os.path.exists(self.path("/etc/debian_version")) or os.path.exists(self.path("/usr/bin/apt-get"))


def connect(environ: Mapping[str, str], uid: int, *, machine: Machine | None = None, timeout_s: float = 10.0) -> Engine:
    """The first engine that answers; each address has `timeout_s` to do so.

    Raises EngineUnavailableError: none is installed, running or permitted, or the chosen one is unusable.
    """
    machine = machine or Machine()
    home = environ.get("HOME") or _home(uid)
    choice = chosen(environ, home)
    search = _Search(machine, environ, uid, timeout_s)
    endpoint, version = _use_chosen(choice, timeout_s) if choice is not None else search.run()
    _check_version(version, endpoint)
    # Importing the SDK costs 250 ms: an engine that is not there is said without it.
    from cleanenv.engine.docker_engine import DockerEngine

    return DockerEngine(endpoint, version)


def _use_chosen(choice: Choice, timeout_s: float) -> _Found:
    answer = probe(choice.endpoint, timeout_s)
    if isinstance(answer, Problem):
        raise EngineUnavailableError(
            f"{_WHAT} of {choice.said_by}", answer.detail, f"start that engine, or: {choice.hint}"
        )
    return choice.endpoint, answer


def _check_version(version: EngineVersion, endpoint: Endpoint) -> None:
    numbers = tuple(int(part) for part in version.api_version.split(".") if part.isdigit())
    if numbers < _OLDEST_API:
        raise EngineUnavailableError(
            _WHAT,
            f"{version.kind} {version.version} at {endpoint.address} is too old (API {version.api_version})",
            f"install {_OLDEST}, or a newer one",
        )


@dataclass(frozen=True, slots=True)
class _Search:
    """The addresses where engines listen by themselves, one after the other."""

    machine: Machine
    environ: Mapping[str, str]
    uid: int
    timeout_s: float

    def run(self) -> _Found:
        docker, podman = self._docker_sockets(), self._podman_sockets()
        problems: dict[str, Problem] = {}
        for path in (*docker, *podman):
            endpoint = Endpoint(f"unix://{path}")
            answer = probe(endpoint, self.timeout_s)
            if isinstance(answer, EngineVersion):
                return endpoint, answer
            if answer.kind != "missing":
                problems[path] = answer
        raise self._error(
            {path: problems[path] for path in docker if path in problems},
            {path: problems[path] for path in podman if path in problems},
        )

    def _runtime_directory(self) -> str:
        return self.environ.get("XDG_RUNTIME_DIR") or self.machine.path(f"/run/user/{self.uid}")

    def _docker_sockets(self) -> Sequence[str]:
        system = map(self.machine.path, ("/run/docker.sock", "/var/run/docker.sock"))
        # On most machines /var/run is a link to /run: one socket, under the name that everybody knows.
        different = {os.path.realpath(path): path for path in system}
        return (*different.values(), f"{self._runtime_directory()}/docker.sock")

    def _podman_sockets(self) -> Sequence[str]:
        return (
            f"{self._runtime_directory()}/podman/podman.sock",
            self.machine.path("/run/podman/podman.sock"),
        )

    def _error(self, docker: Mapping[str, Problem], podman: Mapping[str, Problem]) -> EngineUnavailableError:
        """The problem of the engine that is most likely meant: that whose socket is there."""
        for path, problem in docker.items():
            return self._docker_error(path, problem)
        if self.machine.has_program("dockerd", self.environ):
            return EngineUnavailableError(_WHAT, "Docker is installed and does not run", self._start_docker())
        # The system's Podman is for root alone; that it denies us says nothing about what is wanted.
        for path, problem in podman.items():
            if problem.kind not in {"denied", "refused"}:
                return EngineUnavailableError(f"{_WHAT} at {path}", problem.detail)
        if self.machine.has_program("podman", self.environ):
            return EngineUnavailableError(
                _WHAT, "Podman is installed and its service does not run", self._start_podman()
            )
        return EngineUnavailableError(_WHAT, "neither Docker nor Podman is installed", self._install())

    def _docker_error(self, path: str, problem: Problem) -> EngineUnavailableError:
        if problem.kind == "denied":
            return EngineUnavailableError(_WHAT, f"no permission to use {path}", self._permit(path))
        if problem.kind == "refused":
            return EngineUnavailableError(_WHAT, f"Docker does not run (nobody serves {path})", self._start_docker())
        return EngineUnavailableError(f"{_WHAT} at {path}", problem.detail, self._restart_docker())

    def _start_docker(self) -> str:
        return self._as_root("systemctl start docker" if self.machine.runs_systemd() else "dockerd &")

    def _restart_docker(self) -> str:
        if self.machine.runs_systemd():
            return self._as_root("systemctl restart docker")
        return self._as_root("kill $(cat /var/run/docker.pid)") + "; " + self._as_root("dockerd &")

    def _start_podman(self) -> str:
        if self.machine.runs_systemd():
            return (
                "systemctl enable --now podman.socket"
                if self.uid == 0
                else ("systemctl --user enable --now podman.socket")
            )
        if self.uid == 0:
            return "mkdir -p /run/podman; podman system service --time=0 unix:///run/podman/podman.sock &"
        socket = f"{self._runtime_directory()}/podman/podman.sock"
        return f"mkdir -p {os.path.dirname(socket)}; podman system service --time=0 unix://{socket} &"

    def _install(self) -> str:
        if self.machine.is_debian_like():
            return self._as_root("apt-get install docker.io")
        return "see https://docs.docker.com/engine/install/"

    def _permit(self, path: str) -> str:
        """The command that lets the user in; membership counts from the next login."""
        group = "docker"
        try:
            entry = grp.getgrgid(os.stat(path).st_gid)
            user = pwd.getpwuid(self.uid).pw_name
        except (OSError, KeyError):
            return f"sudo usermod -aG {group} $USER   # then log in again"
        if entry.gr_gid != 0:
            group = entry.gr_name
            if user in entry.gr_mem:
                return f"log in again: your membership in group {group} is newer than this session"
        return f"sudo usermod -aG {group} {user}   # then log in again"

    def _as_root(self, command: str) -> str:
        return command if self.uid == 0 else f"sudo {command}"


def _home(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/"
