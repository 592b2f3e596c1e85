"""Many environments that are active at once: what each of them costs, and how long it takes to list them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import spawn
from benchmarks.environment import CLEANENV
from benchmarks.results import Figure, Section
from benchmarks.sampling import Sample
from cleanenv.environments import Environment, open_environment
from cleanenv.server import control
from integration.main_job.images import docker, make_busybox

__all__ = ["COUNT", "sections"]

COUNT = 100
_AT_ONCE = 4  # creates at the same time; more would only wait for the engine


def sections(rounds: int, on_step: Callable[[], None]) -> Iterator[Section]:
    """Create the environments, measure, destroy them."""
    with _made(on_step) as roots:
        environments = [open_environment(Path(root)) for root in roots]
        agents = [_agent(each) for each in environments]
        processes = {
            "server": ("environment server", [_server(each) for each in environments]),
            "agent": ("agent", agents),
            "shim": ("the engine's process for its container", [_parent(agent) for agent in agents]),
        }
        title = f"memory of each of {COUNT} active environments (PSS)"
        yield Section("active_memory", title, "MB", _figures(processes, _proportional_megabytes))
        yield Section(
            "active_descriptors", "open descriptors of each of them", "", _figures(processes, _open_descriptors)
        )
        listed = Sample(tuple(spawn.milliseconds([CLEANENV, "list"]) for _ in range(max(5, rounds // 5))))
        figure = Figure("list", "cleanenv list", listed)
        yield Section("active_list", f"list of {COUNT} active environments", "ms", (figure,))


def _figures(processes: dict[str, tuple[str, list[int]]], measure: Callable[[int], float]) -> tuple[Figure, ...]:
    figures = []
    for key, (title, pids) in processes.items():
        try:
            figures.append(Figure(key, title, Sample(tuple(map(measure, pids)))))
        except PermissionError:
            figures.append(Figure(key, title, note="not measured, it is root's"))
    return tuple(figures)


@contextlib.contextmanager
def _made(on_step: Callable[[], None]) -> Iterator[list[str]]:
    """The environments; whatever was made of them is destroyed, also after Ctrl-C."""
    image = make_busybox()
    directory = tempfile.mkdtemp(prefix="cleanenv-bench.", dir="/var/tmp")
    roots = [os.path.join(directory, str(number)) for number in range(COUNT)]

    def create(root: str) -> None:
        command = [CLEANENV, "create", "-b", image, "--link", "true:/bin/true", "--persistent", root]
        made = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace")
        if made.returncode != 0:
            raise spawn.ProgramFailedError(f"{' '.join(command)}: {made.stderr.strip()}")
        on_step()

    def destroy(root: str) -> None:
        if os.path.exists(os.path.join(root, ".cleanenv")):
            subprocess.run([CLEANENV, "destroy", "--yes", root], check=False)
        on_step()

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(create, roots))
        yield roots
    finally:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(destroy, roots))
        if not any(os.path.ismount(os.path.join(root, "bin")) for root in roots):
            shutil.rmtree(directory, ignore_errors=True)
        signal.signal(signal.SIGINT, before)


def _server(environment: Environment) -> int:
    pid = control.request(str(environment.runtime.control_socket), "status")["pid"]
    assert isinstance(pid, int)
    return pid


def _agent(environment: Environment) -> int:
    return int(docker("inspect", "--format", "{{.State.Pid}}", environment.state.container_id))


def _proportional_megabytes(pid: int) -> float:
    """Its memory, of shared pages only its share (proc_pid_smaps(5)), in units of 1024 * 1024 bytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"process {pid} has no memory")


def _open_descriptors(pid: int) -> float:
    return float(len(os.listdir(f"/proc/{pid}/fd")))


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
