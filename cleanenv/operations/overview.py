"""The environments of a user.

A list of a hundred takes as long as its imports: it reads no configuration, asks no engine, and all agents at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from cleanenv.agent.activity import Activity, ask_agents
from cleanenv.agent.client import AgentAbsentError
from cleanenv.environments import Environment, open_environment
from cleanenv.errors import AgentError, CleanenvError
from cleanenv.model.host import Host
from cleanenv.registry import Registry
from cleanenv.sessions import active_sessions

__all__ = ["Summary", "list_environments"]


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of a list. `state` is running, stopped, silent, or damaged; `image` is empty for a damaged one.

    `sessions` is how many shells are in it.
    """

    path: str
    state: str
    image: str
    sessions: int = 0


def list_environments(host: Host) -> tuple[Summary, ...]:
    """The user's environments, sorted by their paths; one whose directory is gone is not listed."""
    found: list[Environment] = []
    summaries = []
    for root in Registry(host.state_directory).roots():
        try:
            found.append(open_environment(root, with_configuration=False))
        except CleanenvError:
            if (root / ".cleanenv").is_dir():
                summaries.append(Summary(str(root), "damaged", ""))
    answers = ask_agents([each.runtime.agent_socket for each in found])
    for environment, answer in zip(found, answers, strict=True):
        sessions = len(active_sessions(environment.runtime.sessions))
        summaries.append(Summary(environment.state.path, _state(answer), environment.state.image_name, sessions))
    return tuple(sorted(summaries, key=lambda summary: summary.path))


def _state(answer: Activity | AgentError) -> str:
    if isinstance(answer, AgentAbsentError):
        return "stopped"
    return "silent" if isinstance(answer, AgentError) else "running"
