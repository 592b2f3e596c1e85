"""Environments on disk: found by path, read as one value, changed under a lock."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cleanenv import gate
from cleanenv.errors import (
    CleanenvError,
    EnvironmentNotFoundError,
    EnvironmentStateError,
    MovedEnvironmentError,
)
from cleanenv.files import locked, replace_file
from cleanenv.model.configuration import Configuration
from cleanenv.model.environment import EnvironmentPaths, RuntimePaths
from cleanenv.model.state import State, dump_state, load_state
from cleanenv.runtime import make_runtime_directory

__all__ = ["Environment", "changing", "holding", "open_environment", "save_state"]


@dataclass(frozen=True, slots=True)
class Environment:
    """What the files of an environment say."""

    paths: EnvironmentPaths
    state: State
    configuration: Configuration

    @property
    def runtime(self) -> RuntimePaths:
        return RuntimePaths(Path(self.state.runtime_directory))


def open_environment(root: Path, *, with_configuration: bool = True) -> Environment:
    """Read the environment at `root`, its configuration only on demand.

    Raises EnvironmentNotFoundError when there is none, MovedEnvironmentError when it was made at another path,
    CorruptStateError or UsageError for a damaged file.
    """
    paths = EnvironmentPaths(root)
    state = _read_state(paths)
    if state.path != str(root):
        raise _moved(root, state)
    if not with_configuration:
        return Environment(paths, state, Configuration())
    from cleanenv.configuration_file import read_configuration  # 10 ms, which a list and completion do without

    return Environment(paths, state, read_configuration(paths.configuration))


def _read_state(paths: EnvironmentPaths) -> State:
    root = paths.root
    try:
        text = paths.state.read_text("ascii", "replace")
    except (FileNotFoundError, NotADirectoryError):
        raise EnvironmentNotFoundError(
            f"environment {root}", "there is none at that path", f"cleanenv create {shlex.quote(str(root))}"
        ) from None
    except OSError as error:
        raise EnvironmentStateError(f"environment {root}", error.strerror or str(error)) from error
    return load_state(text, str(paths.state))


def _moved(root: Path, state: State) -> MovedEnvironmentError:
    """Its container belongs to the path where it was made. So a copy has none, and what was moved can go back."""
    old, here, there = Path(state.path), shlex.quote(str(root)), shlex.quote(state.path)
    if not os.path.lexists(old):
        why, hint = f"it was made at {old} and cannot be moved", f"mv {here} {there}"
    elif _id_at(old) == state.id:
        why, hint = f"it is a copy of {old}, which alone has the container", f"rm -r {here} && cleanenv create {here}"
    else:
        why, hint = f"it was made at {old} and cannot be moved", f"move away what is there now, then: mv {here} {there}"
    return MovedEnvironmentError(f"environment {root}", why, hint)


def _id_at(root: Path) -> str | None:
    try:
        return _read_state(EnvironmentPaths(root)).id
    except CleanenvError:
        return None


def save_state(paths: EnvironmentPaths, state: State) -> None:
    """Replace the state file in one step. Raises EnvironmentStateError."""
    try:
        replace_file(paths.state, dump_state(state).encode("ascii"))
    except OSError as error:
        raise EnvironmentStateError(f"state file {paths.state}", error.strerror or str(error)) from error


@contextlib.contextmanager
def changing(root: Path, *, with_configuration: bool = True) -> Iterator[Environment]:
    """The environment, held to be changed. Raises EnvironmentStateError for one that is frozen."""
    with holding(root, with_configuration=with_configuration) as environment:
        if environment.state.frozen:
            raise EnvironmentStateError(
                f"environment {root}", "it is frozen", f"cleanenv unfreeze -e {shlex.quote(str(root))}"
            )
        yield environment


@contextlib.contextmanager
def holding(root: Path, *, with_configuration: bool = True) -> Iterator[Environment]:
    """The environment, held so that no other command changes it meanwhile.

    Makes the runtime directory if a reboot took it. What was read before the lock was free is read again.
    """
    environment = open_environment(root, with_configuration=with_configuration)
    runtime = make_runtime_directory(environment.state.runtime_directory, os.geteuid())
    with locked(runtime.lock):
        gate.open_again(runtime)
        yield open_environment(root, with_configuration=with_configuration)
