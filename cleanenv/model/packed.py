"""What an image says of the environment that was frozen into it: enough to make that again elsewhere.

It is the label LABEL of the image. The snapshots are images of their own, which are known by their content.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from cleanenv.errors import UsageError
from cleanenv.model.history import History, Snapshot
from cleanenv.model.history_json import history_of, object_of
from cleanenv.model.json_values import text
from cleanenv.model.user import User
from cleanenv.model.user_json import object_of_user, user_of

__all__ = ["LABEL", "PACKED_VERSION", "Packed", "dump_packed", "load_packed"]

LABEL = "cleanenv.environment"
PACKED_VERSION = 1


@dataclass(frozen=True, slots=True)
class Packed:
    """`configuration` is the text of its cleanenv.conf. `base` names the content of its base image (`chain_id`)."""

    cleanenv_version: str
    image_name: str
    base: str
    user: User
    configuration: str
    history: History

    def content(self, snapshot: Snapshot) -> str:
        """What names the content of the snapshot's image."""
        return snapshot.layer or self.base


def dump_packed(packed: Packed) -> str:
    """The text of the label."""
    return json.dumps(
        {
            "version": PACKED_VERSION,
            "cleanenv_version": packed.cleanenv_version,
            "image_name": packed.image_name,
            "base": packed.base,
            "user": object_of_user(packed.user),
            "configuration": packed.configuration,
            "history": object_of(packed.history),
        },
        separators=(",", ":"),
    )


def load_packed(label: str, what: str) -> Packed:
    """Read the label of what is called `what`. Raises UsageError for what dump_packed did not write."""
    try:
        data = json.loads(label)
        if data["version"] != PACKED_VERSION:
            made_by = data.get("cleanenv_version", "another version")
            raise UsageError(
                what,
                f"cleanenv {made_by!s:.40} packed it, in version {data['version']!r:.40};"
                f" this one knows version {PACKED_VERSION}",
                f"pip install cleanenv=={made_by!s:.40}",
            )
        return Packed(
            cleanenv_version=text(data["cleanenv_version"]),
            image_name=text(data["image_name"]),
            base=text(data["base"]),
            user=user_of(data["user"]),
            configuration=text(data["configuration"]),
            history=history_of(data["history"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        why = f"what it says of its environment is damaged ({type(error).__name__}: {error})"
        raise UsageError(what, why, "cleanenv freeze --output FILE makes it anew") from error
