"""Start and stop an environment."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path

from cleanenv import gate
from cleanenv.agent.activity import ask_activity
from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, holding
from cleanenv.errors import AgentError
from cleanenv.model.host import Host
from cleanenv.operations import hooks, live
from cleanenv.operations.hooks import Warn
from cleanenv.sessions import active_sessions

__all__ = ["Condition", "start", "start_container", "stop"]


class Condition(enum.Enum):
    """For a stop that nobody typed; a persistent environment meets neither LEFT nor IDLE."""

    NONE = enum.auto()
    LEFT = enum.auto()
    """No shell is in the environment."""
    IDLE = enum.auto()
    """Nor was a program called during the idle time."""


def start(
    root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn, shell: int | None = None
) -> Environment:
    """Make its programs callable: container and live directory. What is there already is left alone.

    `shell` is a process that enters the environment then.
    """
    with holding(root) as found:
        environment = hooks.bring_up(connect(), found, host, warn)
    if shell is not None:
        live.enter(environment, shell)
    return environment


def start_container(root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn) -> None:
    """Start only the container: what the environment server asks for when a launcher finds the agent down."""
    with holding(root) as environment:
        hooks.bring_up(connect(), environment, host, warn, mounted=False)


def stop(
    root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn, condition: Condition = Condition.NONE
) -> None:
    """End its programs and its container. The live directory stays, and the next call starts the container again.

    What the condition asks for is looked at when nobody can call any more. Where it does not hold nothing is done.
    """
    with holding(root) as environment, gate.closed(environment.runtime):
        if _holds(condition, environment):
            hooks.take_down(connect(), environment, host, warn)


def _holds(condition: Condition, environment: Environment) -> bool:
    if condition is Condition.NONE:
        return True
    if environment.configuration.persistent or active_sessions(environment.runtime.sessions):
        return False
    if condition is Condition.LEFT:
        return True
    timeout = environment.configuration.effective_idle_timeout
    try:
        activity = ask_activity(environment.runtime.closing_directory)
    except AgentError:  # it has ended already, or its container is beyond a decision that takes nothing from anybody
        return False
    return timeout > 0 and activity.calls == 0 and activity.idle_s >= timeout
