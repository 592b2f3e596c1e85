"""Start and stop an environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cleanenv.engine.port import Engine
from cleanenv.environments import Environment, changing
from cleanenv.model.host import Host
from cleanenv.operations import containers, hooks
from cleanenv.operations.hooks import Warn

__all__ = ["start", "start_container", "stop"]


def start(root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn) -> Environment:
    """Make its programs callable: container and live directory. What is there already is left alone."""
    with changing(root) as found:
        return hooks.bring_up(connect(), found, host, warn)


def start_container(root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn) -> None:
    """Start only the container: what the environment server asks for when a launcher finds the agent down."""
    with changing(root) as environment:
        hooks.bring_up(connect(), environment, host, warn, mounted=False)


def stop(root: Path, host: Host, *, connect: Callable[[], Engine], warn: Warn) -> None:
    """End its programs and its container. The live directory stays, and the next call starts the container again."""
    with changing(root) as environment:
        engine = connect()
        hooks.before_stop(engine, environment, host, warn)
        containers.stop_container(engine, environment)
