"""What an environment begins with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cleanenv.engine.port import Engine, ProgressReport
from cleanenv.model.configuration import Configuration
from cleanenv.model.container import Image
from cleanenv.model.history import History
from cleanenv.model.system_user import system_user
from cleanenv.model.user import User, UserRequest
from cleanenv.operations.interrupts import uninterrupted

__all__ = ["BaseImage", "Origin"]


class Origin(Protocol):
    """A base image, or an environment that was frozen."""

    @property
    def image_name(self) -> str:
        """What the base image is called."""

    @property
    def configuration(self) -> Configuration:
        """What it says itself of the environment."""

    def user(self, engine: Engine, request: UserRequest | None, caller: User) -> User:
        """Whom programs run as."""

    def install(self, engine: Engine, identifier: str, labels: Mapping[str, str], progress: ProgressReport) -> History:
        """Put its snapshots into the engine as those of the environment of that id, with these labels."""


@dataclass(frozen=True, slots=True)
class BaseImage:
    """An image that the engine has, under the name by which it was asked for, if it was."""

    image: Image
    name: str | None

    @property
    def configuration(self) -> Configuration:
        """An image says nothing of an environment."""
        return Configuration()

    @property
    def image_name(self) -> str:
        """What it is called."""
        return self.name or next(iter(self.image.tags), self.image.id)

    def user(self, engine: Engine, request: UserRequest | None, caller: User) -> User:
        """The caller, or who was asked for; a user of the image by its own files."""
        if request is None:
            return caller
        if request.is_system and request.uid is None:
            with uninterrupted():
                texts = [engine.read_file(self.image.id, path) or b"" for path in ("/etc/passwd", "/etc/group")]
            return system_user(request.name, *(text.decode("utf-8", "surrogateescape") for text in texts))
        return request.resolve(caller)

    def install(self, engine: Engine, identifier: str, labels: Mapping[str, str], progress: ProgressReport) -> History:
        """It is the first snapshot as it is."""
        del engine, identifier, labels, progress
        return History.begin(self.image.id, int(time.time()))
