"""The memory of what stays running for an environment."""

from __future__ import annotations

from pathlib import Path

from benchmarks.environment import MeasuredEnvironment
from cleanenv.environments import open_environment
from cleanenv.server import control

__all__ = ["resident_megabytes", "server_process"]


def server_process(environment: MeasuredEnvironment) -> int:
    """The pid of the environment server."""
    runtime = open_environment(Path(environment.path)).runtime
    pid = control.request(str(runtime.control_socket), "status")["pid"]
    assert isinstance(pid, int)
    return pid


def resident_megabytes(pid: int) -> float:
    """Its resident set (proc_pid_status(5)), in units of 1024 * 1024 bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name == "VmRSS":
                return int(value.split()[0]) / 1024
    raise OSError(f"process {pid} has no memory")
