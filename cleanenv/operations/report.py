"""The state of an environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cleanenv import mounts
from cleanenv.agent.activity import Activity, ask_activity
from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, open_environment
from cleanenv.errors import AgentError
from cleanenv.processes import name_of, programs_below
from cleanenv.sessions import active_sessions

__all__ = ["Status", "status"]


@dataclass(frozen=True, slots=True)
class Status:
    """Everything about one environment. `live_directory` is a MountState's value.

    `programs`, and the shells in `sessions`, are (pid, name). `calls` run now, and the last one ended `idle_s` ago;
    both are None unless the container runs. It is stopped after an `idle_timeout` of as many seconds, 0: never.
    """

    path: str
    id: str
    container: str
    container_id: str
    image: str
    user: str
    live_directory: str
    mounts: tuple[str, ...]
    links: tuple[str, ...]
    host_links: tuple[str, ...]
    programs: tuple[tuple[int, str], ...]
    sessions: tuple[tuple[int, str], ...]
    calls: int | None
    idle_s: float | None
    persistent: bool
    frozen: bool
    idle_timeout: int


def status(root: Path, *, connect: Callable[[], Engine]) -> Status:
    """The state of one environment, from the engine."""
    environment = open_environment(root)
    container = connect().container(environment.state.container_id)
    activity = _activity(environment)
    return Status(
        path=str(root),
        id=environment.state.id,
        container=container.status if container else "removed",
        container_id=environment.state.container_id,
        image=environment.state.image_name,
        user=environment.state.user.name,
        live_directory=mounts.state(str(environment.paths.bin)).value,
        mounts=tuple(f"{m.host}:{m.container}:{'rw' if m.writable else 'ro'}" for m in environment.state.mounts),
        links=tuple(
            link.path if link.name is None else f"{link.name}:{link.path}"
            for link in environment.configuration.effective_links
        ),
        host_links=tuple(str(link) for link in environment.configuration.host_links),
        programs=programs_below(container.pid) if container and container.is_running else (),
        sessions=tuple((each.pid, name_of(each.pid)) for each in active_sessions(environment.runtime.sessions)),
        calls=activity.calls if activity else None,
        idle_s=activity.idle_s if activity else None,
        persistent=environment.configuration.persistent,
        frozen=environment.state.frozen,
        idle_timeout=environment.configuration.effective_idle_timeout,
    )


def _activity(environment: Environment) -> Activity | None:
    try:
        return ask_activity(environment.runtime.agent_directory)
    except AgentError:
        return None
