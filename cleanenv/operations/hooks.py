"""The programs that the user wants run in the container when it starts, before it stops, and before it is destroyed."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator

from cleanenv import gate
from cleanenv.engine.port import Engine
from cleanenv.environments import Environment
from cleanenv.errors import CleanenvError
from cleanenv.model.container import Container
from cleanenv.model.host import Host
from cleanenv.operations import containers, live
from cleanenv.operations.services import PATIENCE_S, await_end_or_service
from cleanenv.processes import programs_below

__all__ = ["Warn", "before_destroy", "bring_up", "replacing", "take_down"]

# Told in one sentence what went wrong and does not keep the command from going on.
Warn = Callable[[str], None]

# Whatever runs before a stop has this long, then the stop goes on without it.
_LEAVE_S = 60.0


def bring_up(engine: Engine, found: Environment, host: Host, warn: Warn, *, mounted: bool = True) -> Environment:
    """Start the container, if it does not run, serve the live directory where `mounted`, then run on_activate.

    That is run once for each start of the container.
    """
    is_fresh = bool(found.configuration.on_activate) and not containers.is_running(engine, found)
    environment = containers.ensure_running(engine, found)
    if mounted or is_fresh:
        live.ensure_mounted(environment, host)
    if is_fresh:
        activated(engine, environment, host, warn)
    return environment


def activated(engine: Engine, environment: Environment, host: Host, warn: Warn) -> None:
    """Run on_activate. A service is up when this returns, goes on, and ends with its container."""
    lines = environment.configuration.on_activate
    container = engine.container(environment.state.container_id) if lines else None
    for line in lines:
        _run(environment, "on-activate", line, host, warn, agent_pid=container.pid if container else 0)


def take_down(engine: Engine, environment: Environment, host: Host, warn: Warn) -> None:
    """Run on_deactivate and stop the container, if it runs. For who has closed the way to it (cleanenv/gate.py)."""
    before_stop(engine, environment, host, warn)
    containers.stop_container(engine, environment)


@contextlib.contextmanager
def replacing(
    engine: Engine, environment: Environment, container: Container | None, host: Host, warn: Warn
) -> Iterator[None]:
    """Keep calls out during a block that puts another container in the place of this one, the environment's.

    It is stopped first where that would be noticed inside. When the block fails it runs again, if it did.
    """
    try:
        with gate.closed(environment.runtime):
            if container is None or containers.is_used(environment, container):
                take_down(engine, environment, host, warn)
            yield
    except BaseException:
        if container is not None and container.is_running:
            # The first error is the one to tell.
            with contextlib.suppress(CleanenvError):
                bring_up(engine, environment, host, warn)
        raise


def before_stop(engine: Engine, environment: Environment, host: Host, warn: Warn) -> None:
    """Run on_deactivate, if the container runs."""
    lines = environment.configuration.on_deactivate
    if lines and containers.is_running(engine, environment):
        live.ensure_mounted(environment, host)
        for line in lines:
            _run(environment, "on-deactivate", line, host, warn)


def before_destroy(engine: Engine, environment: Environment, host: Host, warn: Warn) -> Environment:
    """Run on_deactivate, if the container runs, and on_destroy, for which it is started if it does not."""
    before_stop(engine, environment, host, warn)
    if environment.configuration.on_destroy:
        environment = containers.ensure_running(engine, environment)
        live.ensure_mounted(environment, host)
        for line in environment.configuration.on_destroy:
            _run(environment, "on-destroy", line, host, warn)
    return environment


def _run(environment: Environment, event: str, line: str, host: Host, warn: Warn, *, agent_pid: int = 0) -> None:
    path = environment.paths.log
    try:
        failure = _call(environment, event, line, host, agent_pid)
    except OSError as error:
        failure = error.strerror or str(error)
    if failure is not None:
        warn(f"{event} {line!r}: {failure}: see {shlex.quote(str(path))}")


def _call(environment: Environment, event: str, line: str, host: Host, agent_pid: int) -> str | None:
    """Run one line as the user, in its home; it may be a service where the agent is named. Returns what went wrong."""
    before = frozenset(pid for pid, _ in programs_below(agent_pid)) if agent_pid else frozenset()
    with open(environment.paths.log, "ab", buffering=0, opener=_private) as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {event}: {line}\n".encode("utf-8", "surrogateescape"))
        process = subprocess.Popen(
            [environment.paths.bin / ".hook", "/bin/sh", "-c", f"cd\n{line}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=dict(host.variables),
            start_new_session=True,  # Ctrl-C and the end of the terminal are not for a service
        )
        try:
            status = await_end_or_service(process, agent_pid, before) if agent_pid else process.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            if agent_pid:
                process.returncode = 0
                return f"it has worked for {PATIENCE_S:g} s without an end; it goes on"
            process.kill()  # the agent ends the program when its launcher is gone
            process.wait()
            return f"it did not end within {_LEAVE_S:g} s"
        except BaseException:  # interrupted
            process.kill()
            process.wait()
            raise
    if status is None:
        process.returncode = 0  # nobody waits for it any more: Python is not to complain of that
    if not status:
        return None
    return f"it ended with status {status}" if status > 0 else f"signal {-status} ended it"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
