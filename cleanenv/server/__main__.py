"""The environment server's process: `python -m cleanenv.server`, which cleanenv.server.process starts.

    --environment PATH   for the list of processes; the server itself reads its settings
    --settings-fd N      the settings as JSON
    --lock-fd N          the server lock, locked: held as long as this process
    --ready-fd N         where one line tells `ok` or `error JSON`, as on the control socket

Logs to stderr, which is the environment's server.log. Exits with 0 when the directory was unmounted, with 1
on a failure.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Sequence

from cleanenv.errors import CleanenvError, MountError
from cleanenv.server.control import encode_answer, encode_error
from cleanenv.server.service import EnvironmentServer
from cleanenv.server.settings import ServerSettings

_log = logging.getLogger("cleanenv.server")


def main(arguments: Sequence[str]) -> int:
    """Serve the environment of the settings until its directory is unmounted."""
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    settings_fd, lock_fd, ready_fd = (int(options[f"--{name}-fd"]) for name in ("settings", "lock", "ready"))
    for descriptor in (settings_fd, lock_fd, ready_fd):
        os.set_inheritable(descriptor, False)  # noqa: FBT003
    if os.fork() != 0:
        os._exit(0)  # so that init is the parent, and nobody keeps a zombie of the server
    os.umask(0o077)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    os.truncate(lock_fd, 0)
    os.pwrite(lock_fd, b"%d\n" % os.getpid(), 0)
    ready = _Ready(ready_fd)
    try:
        with open(settings_fd, "rb") as file:
            settings = ServerSettings.from_json(file.read())
        server = EnvironmentServer(settings, lock_fd)
        server.run(lambda: ready.tell(encode_answer({"pid": os.getpid()})))
    except Exception as error:  # noqa: BLE001
        reported = error if isinstance(error, CleanenvError) else _internal(error)
        _log.error("%s", reported, exc_info=reported is not error)
        ready.tell(encode_error(reported))
        return 1
    return 0


class _Ready:
    """The pipe to who started the server. It is told once; a failure after that is for the log alone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def tell(self, line: bytes) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):  # it may have given up already
                os.write(self._descriptor, line)
            os.close(self._descriptor)
            self._descriptor = None


def _internal(error: Exception) -> CleanenvError:
    return MountError("the environment server", f"{type(error).__name__}: {error}", "please report it")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
