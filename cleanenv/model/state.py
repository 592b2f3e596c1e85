"""What was made for an environment: the engine's container and images, the user, the runtime directory.

Container and history are in one file: whatever happens, it says of which snapshot the container has come.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass

from cleanenv.errors import CorruptStateError
from cleanenv.model.environment import is_environment_id
from cleanenv.model.history import History
from cleanenv.model.history_json import history_of, object_of
from cleanenv.model.json_values import number, switch, text
from cleanenv.model.mount import Mount
from cleanenv.model.user import User
from cleanenv.model.user_json import object_of_user, user_of

__all__ = ["STATE_VERSION", "State", "dump_state", "load_state"]

STATE_VERSION = 5


@dataclass(frozen=True, slots=True)
class State:
    """Written once per change, atomically. `created` is seconds since the epoch; ids are the engine's full ones.

    `path` is where it was made: the container's mounts and the scripts name it, so it works nowhere else. `owner` is
    the uid on the host of who made it and may call its programs; `user` is whom they run as. `image_name` is what the
    base image was called. Of a `frozen` one the container's root is read-only, and no command changes anything.
    """

    id: str
    path: str
    cleanenv_version: str
    created: int
    owner: int
    user: User
    mounts: tuple[Mount, ...]
    image_name: str
    container_id: str
    runtime_directory: str
    history: History
    frozen: bool = False

    @property
    def image_id(self) -> str:
        """The base image."""
        return self.history.root.image_id


def dump_state(state: State) -> str:
    """The text of a state file."""
    return (
        json.dumps(
            {
                "version": STATE_VERSION,
                "id": state.id,
                "path": state.path,
                "cleanenv_version": state.cleanenv_version,
                "created": state.created,
                "owner": state.owner,
                "user": object_of_user(state.user),
                "mounts": [[m.host, m.container, "rw" if m.writable else "ro"] for m in state.mounts],
                "image_name": state.image_name,
                "container_id": state.container_id,
                "runtime_directory": state.runtime_directory,
                "frozen": state.frozen,
                "history": object_of(state.history),
            },
            indent=1,
        )
        + "\n"
    )


def load_state(content: str, path: str) -> State:
    """Read the content of the state file at `path`. Raises CorruptStateError for what dump_state did not write."""
    what = f"state file {path}"
    try:
        data = json.loads(content)
        if data["version"] != STATE_VERSION:
            root = shlex.quote(os.path.dirname(os.path.dirname(path)))
            made_by = data.get("cleanenv_version", "another version")
            raise CorruptStateError(
                what,
                f"cleanenv {made_by} wrote it, in version {data['version']!r}; this one knows version {STATE_VERSION}",
                f"pip install cleanenv=={made_by}, or make the environment anew: cleanenv create --clear {root}",
            )
        state = State(
            id=text(data["id"]),
            path=text(data["path"]),
            cleanenv_version=text(data["cleanenv_version"]),
            created=number(data["created"]),
            owner=number(data["owner"]),
            user=user_of(data["user"]),
            mounts=tuple(
                Mount(text(host), text(container), writable={"rw": True, "ro": False}[mode])
                for host, container, mode in data["mounts"]
            ),
            image_name=text(data["image_name"]),
            container_id=text(data["container_id"]),
            runtime_directory=text(data["runtime_directory"]),
            history=history_of(data["history"]),
            frozen=switch(data["frozen"]),
        )
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorruptStateError(what, f"it is damaged ({type(error).__name__}: {error})") from error
    if not is_environment_id(state.id) or not state.runtime_directory.startswith("/"):
        raise CorruptStateError(what, "it is damaged (a value is out of range)")
    return state
