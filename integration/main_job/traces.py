"""What cleanenv has made on this machine below a directory, as the machine shows it; and the removal of all of it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from cleanenv import mounts
from integration.main_job.caller import Caller, Environment
from integration.main_job.images import docker

__all__ = ["await_end", "await_stop", "await_unmount", "containers", "images", "remove_all", "servers", "traces"]

_END_TIMEOUT_S = 10.0


def traces(caller: Caller, below: Path) -> frozenset[str]:
    """Containers, mounts, servers and files of environments below a directory, and what the caller keeps of any.

    A server whose environment is gone has a moment to end: its last answer comes before its end.
    """
    ending = [server for server in servers(below) if not os.path.exists(f"{_environment(server)}/.cleanenv")]
    await_end(ending)
    return frozenset(
        {
            *(f"container {path}" for path in containers(below).values()),
            *(f"image {identifier}" for identifier in images(below)),
            *(f"mount {point}" for point in _mount_points(below)),
            *(f"server {_environment(server)}" for server in servers(below)),
            *(f"runtime directory {name}" for name in _listed(caller.runtime)),
            *(f"list {name}" for name in _listed(caller.state / "environments")),
            *(f"file {path}" for path in _files(below)),
        }
    )


def containers(below: Path) -> dict[str, str]:
    """The path of the environment of each container, by the container's id."""
    lines = docker(
        "ps", "-a", "--no-trunc", "--filter", "label=cleanenv.path", "--format", '{{.ID}} {{.Label "cleanenv.path"}}'
    ).splitlines()
    pairs = (line.partition(" ") for line in lines)
    return {identifier: path for identifier, _, path in pairs if _is_below(path, below)}


def images(below: Path) -> list[str]:
    """The images of snapshots, in the order of their numbers."""
    labels = '{{.Id}} {{index .Config.Labels "cleanenv.snapshot"}} {{index .Config.Labels "cleanenv.path"}}'
    listed = docker("images", "--quiet", "--no-trunc", "--filter", "label=cleanenv.snapshot").split()
    # One of another run may be gone meanwhile: the others are told all the same.
    lines = docker("inspect", "--format", labels, *listed, check=False).splitlines() if listed else []
    found = (line.split(" ", 2) for line in lines)
    numbers = {identifier: int(number) for identifier, number, path in found if number and _is_below(path, below)}
    return sorted(numbers, key=lambda each: numbers[each])


def servers(below: Path) -> list[psutil.Process]:
    """The environment servers."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "cleanenv.server" in process.cmdline() and _is_below(_environment(process), below):
                found.append(process)
    return found


def await_end(processes: Iterable[psutil.Process]) -> None:
    """Wait until the processes have ended, reaped or not."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(process.pid)
            ended, _, _ = select.select([descriptor], [], [], _END_TIMEOUT_S)
            os.close(descriptor)
            assert ended, process


def await_stop(environment: Environment) -> None:
    """Wait until its container has stopped."""
    docker("wait", environment.container)


def await_unmount(mount_point: Path) -> None:
    """Wait until nothing is mounted there."""
    with open("/proc/self/mountinfo", "rb") as mountinfo:
        changes = select.poll()
        changes.register(mountinfo, select.POLLPRI | select.POLLERR)
        while mounts.entries(str(mount_point)):
            assert changes.poll(_END_TIMEOUT_S * 1000), "it is still mounted"


def remove_all(caller: Caller, below: Path) -> None:
    """Remove all that `traces` tells of, and the directory itself, without the help of cleanenv."""
    for identifier in containers(below):
        docker("rm", "--force", "--volumes", identifier, check=False)
    for identifier in reversed(images(below)):
        docker("rmi", "--force", identifier, check=False)
    killed = servers(below)
    for server in killed:
        with contextlib.suppress(psutil.NoSuchProcess):
            server.kill()
    await_end(killed)
    for point in _mount_points(below):
        mounts.unmount(point, lazy=True)
    for name in _listed(caller.state / "environments"):
        entry = caller.state / "environments" / name
        if _is_below(os.fsdecode(entry.read_bytes()), below):
            entry.unlink()
            shutil.rmtree(caller.runtime / name, ignore_errors=True)
    # Of a directory that a test has closed to its owner, too.
    subprocess.run(["chmod", "-R", "u+rwX", below], check=False, capture_output=True)
    shutil.rmtree(below)


def _environment(server: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error, ValueError, IndexError):
        arguments = server.cmdline()
        return arguments[arguments.index("--environment") + 1]
    return ""


def _mount_points(below: Path) -> list[str]:
    return [entry.mount_point for entry in mounts.live_directories() if _is_below(entry.mount_point, below)]


def _listed(directory: Path) -> list[str]:
    return sorted(os.listdir(directory)) if directory.is_dir() else []


def _files(below: Path) -> Iterator[str]:
    mounted = set(_mount_points(below))
    for directory, names, files in os.walk(below):
        names[:] = [name for name in names if f"{directory}/{name}" not in mounted]
        yield directory
        yield from (f"{directory}/{name}" for name in files)


def _is_below(path: str, directory: Path) -> bool:
    return f"{path}/".startswith(f"{directory}/")
