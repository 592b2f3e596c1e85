"""Every error that cleanenv raises on purpose, by whose fault it is.

    CleanenvError                    exit 1
      UsageError                     exit 2    what was typed or configured cannot be done
      EnvironmentStateError          exit 1    the environment is not in the state that this needs
        EnvironmentNotFoundError
        MovedEnvironmentError
        CorruptStateError
      EngineError                    exit 1    the container engine refused or failed
        EngineUnavailableError                 ... is not there, not running or not permitted
        ImageNotFoundError
      ServiceError                   exit 1    systemd could not be told about a service
      MountError                     exit 1    the live directory could not be mounted or unmounted
      AgentError                     exit 125  the agent in the container did not answer as it should

An error says what failed and why, and where there is something to type that mends it, the hint says it.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AgentError",
    "CleanenvError",
    "CorruptStateError",
    "EngineError",
    "EngineUnavailableError",
    "EnvironmentNotFoundError",
    "EnvironmentStateError",
    "ImageNotFoundError",
    "MountError",
    "MovedEnvironmentError",
    "ServiceError",
    "UsageError",
]


class CleanenvError(Exception):
    """The root of the tree: `what` failed, `why`, and a `hint` that can be typed or done."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, why: str, hint: str | None = None) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why
        self.hint = hint


class UsageError(CleanenvError):
    """What was typed or configured cannot be done; nothing was changed."""

    exit_code = 2


class EnvironmentStateError(CleanenvError):
    """The environment is not in the state that the operation needs."""


class EnvironmentNotFoundError(EnvironmentStateError):
    """There is no environment at that path."""

    exit_code = 2


class MovedEnvironmentError(EnvironmentStateError):
    """The environment was made at another path: it was moved or copied."""


class CorruptStateError(EnvironmentStateError):
    """A state or configuration file exists but cannot be understood; it is never replaced by a default."""


class EngineError(CleanenvError):
    """The container engine refused or failed."""


class EngineUnavailableError(EngineError):
    """The container engine is not there, not running, or not permitted to this user."""


class ImageNotFoundError(EngineError):
    """The engine has no such image and cannot get it."""


class ServiceError(CleanenvError):
    """The user's systemd is not there, or refused."""


class MountError(CleanenvError):
    """The live directory could not be mounted or unmounted."""


class AgentError(CleanenvError):
    """The agent in the container is gone or answered with something that is not its protocol."""

    exit_code = 125
