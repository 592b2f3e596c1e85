"""The processes of an environment as the host sees them."""

from __future__ import annotations

import psutil

__all__ = ["ancestors", "name_of", "programs_below"]


def programs_below(agent_pid: int) -> tuple[tuple[int, str], ...]:
    """The programs that run below an agent, as (pid on the host, name); the agent's own helpers are left out."""
    try:
        agent = psutil.Process(agent_pid)
        own = agent.name()
        return tuple(
            (child.pid, child.name())
            for child in agent.children(recursive=True)
            if not (child.ppid() == agent_pid and child.name() == own)
        )
    except psutil.Error:
        return ()


def name_of(pid: int) -> str:
    """The name of a process, empty when it has ended."""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def ancestors() -> tuple[int, ...]:
    """The parent of this process, its parent, and so on."""
    return tuple(process.pid for process in psutil.Process().parents())
