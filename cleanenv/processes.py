"""The processes of an environment as the host sees them."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

__all__ = ["ancestors", "is_idle", "name_of", "programs_below", "work_of"]


def programs_below(agent_pid: int) -> tuple[tuple[int, str], ...]:
    """The programs that run below an agent, as (pid on the host, name); the agent's own helpers are left out."""
    try:
        return _programs(psutil.Process(agent_pid))
    except psutil.Error:
        return ()


def is_idle(agent_pid: int) -> bool:
    """Whether no program runs below an agent; of one that cannot be seen from here that is not known."""
    try:
        return not _programs(psutil.Process(agent_pid))
    except psutil.Error:
        return False


def _programs(agent: psutil.Process) -> tuple[tuple[int, str], ...]:
    own, helpers = agent.name(), {agent.pid}
    programs = []
    for child in agent.children(recursive=True):  # each after its parent
        name = child.name()
        if name == own and child.ppid() in helpers:  # a worker, or a terminal's keeper, who has workers too
            helpers.add(child.pid)
        else:
            programs.append((child.pid, name))
    return tuple(programs)


def work_of(pids: Iterable[int]) -> tuple[float, bool]:
    """The seconds of processors that the processes and their ended children have had; whether one waits for a disk."""
    seconds, waits_for_disk = 0.0, False
    for pid in pids:
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
            waits_for_disk = waits_for_disk or process.status() == psutil.STATUS_DISK_SLEEP
        except psutil.Error:
            continue
        seconds += times.user + times.system + times.children_user + times.children_system
    return seconds, waits_for_disk


def name_of(pid: int) -> str:
    """The name of a process, empty when it has ended."""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def ancestors() -> tuple[int, ...]:
    """The parent of this process, its parent, and so on."""
    return tuple(process.pid for process in psutil.Process().parents())
