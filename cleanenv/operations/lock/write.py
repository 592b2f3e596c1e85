"""Write down what is in an environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.environments import Environment, holding
from cleanenv.errors import EnvironmentStateError
from cleanenv.model.lock import Lock
from cleanenv.operations.lock.present import present

__all__ = ["Locked", "lock"]


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock, and what there is that it cannot say."""

    lock: Lock
    left_out: tuple[str, ...]


def lock(root: Path, *, connect: Callable[[], Engine], progress: ProgressReport) -> Locked:
    """What is in the environment's container now, and how the environment is configured.

    The values of variables are not in it: they may be secrets.
    """
    # A snapshot may be putting another container in its place just now.
    with holding(root) as environment:
        configuration = environment.configuration
        engine = connect()
        if engine.container(environment.state.container_id) is None:
            raise EnvironmentStateError(f"environment {root}", "its container was removed", "cleanenv start")
        found = present(engine, environment, progress)
        made = Lock(
            image=environment.state.image_name,
            digest=_digest(engine, environment),
            configuration=configuration,
            variables=tuple(name for name, _ in configuration.environment),
            packages=found.packages,
        )
        return Locked(made, found.left_out)


def _digest(engine: Engine, environment: Environment) -> str:
    image = engine.image(environment.state.image_id)
    return min(image.digests) if image is not None and image.digests else environment.state.image_id
