"""The launcher's bytes as one environment serves them: the built binary with its runtime directory in it."""

from __future__ import annotations

import os

from cleanenv.errors import MountError

__all__ = ["MARKER", "PLACEHOLDER_SIZE", "patch_launcher"]

# native/launcher has one buffer of this size that begins with the marker and is NUL after it.
MARKER = b"@CLEANENV-RUNTIME@"
PLACEHOLDER_SIZE = 128


def patch_launcher(binary: bytes, runtime_directory: str, path: str) -> bytes:
    """The binary that was read from `path` with its placeholder filled in. Raises MountError."""
    what = f"launcher {path}"
    placeholder = MARKER.ljust(PLACEHOLDER_SIZE, b"\0")
    found = binary.count(MARKER)
    if found != 1 or placeholder not in binary:
        why = f"it is no launcher of this version ({found} placeholders instead of 1)"
        raise MountError(what, why, "reinstall cleanenv")
    value = os.fsencode(runtime_directory)
    if len(value) >= PLACEHOLDER_SIZE or b"\0" in value:
        raise MountError(
            what,
            f"the runtime directory has {len(value)} bytes, {PLACEHOLDER_SIZE - 1} fit",
            "use a shorter runtime directory",
        )
    return binary.replace(placeholder, value.ljust(PLACEHOLDER_SIZE, b"\0"))
