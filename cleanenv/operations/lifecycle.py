"""Start and stop an environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, changing
from cleanenv.model.host import Host
from cleanenv.operations import containers, live

__all__ = ["start", "start_container", "stop"]


def start(root: Path, host: Host, *, connect: Callable[[], Engine]) -> Environment:
    """Make its programs callable: container and live directory. What is there already is left alone."""
    with changing(root) as found:
        environment = containers.ensure_running(connect(), found)
        live.ensure_mounted(environment, host)
        return environment


def start_container(root: Path, *, connect: Callable[[], Engine]) -> None:
    """Start only the container: what the environment server asks for when a launcher finds the agent down."""
    with changing(root) as environment:
        containers.ensure_running(connect(), environment)


def stop(root: Path, *, connect: Callable[[], Engine]) -> None:
    """End its programs and its container. The live directory stays, and the next call starts the container again."""
    with changing(root) as environment:
        containers.stop_container(connect(), environment)
