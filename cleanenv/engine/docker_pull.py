"""A pull as the engine tells it: events of many layers summed up to one progress, refusals told apart."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING

from cleanenv.engine.docker_errors import LIBRARY_ERRORS, explain, status_of, tidy, translate
from cleanenv.engine.docker_values import field_of, qualified
from cleanenv.engine.port import ProgressReport
from cleanenv.errors import EngineError, ImageNotFoundError

if TYPE_CHECKING:
    import docker

__all__ = ["LayerProgress", "pull"]

# The registry was not reached, or what was reached is none.
_UNREACHABLE = re.compile(
    r"dial tcp|no such host|lookup .*(misbehaving|timeout)|connection refused|connection reset|i/o timeout"
    r"|Client\.Timeout|TLS handshake|unreachable|no route to host|x509|tls: |proxyconnect|\bEOF\b"
    r"|context deadline exceeded|pinging container registry|server gave HTTP response"
)
_UNKNOWN = re.compile(
    r"manifest unknown|not found|does not exist|pull access denied|requested access .* denied|unauthorized"
    r"|invalid reference|no matching manifest|name unknown",
    re.IGNORECASE,
)
_SEE_LOCAL = "to see the images of this machine: docker images"
_REFUSED = re.compile(r"toomanyrequests|rate limit|forbidden|denied", re.IGNORECASE)


def pull(
    connect: Callable[[], docker.APIClient],
    reference: str,
    progress: ProgressReport,
    *,
    patience_s: float,
    address: str,
) -> None:
    """Pull and report bytes; the registry has `patience_s` to give its first sign.

    The engine waits half a minute for a registry that is silent, and the SDK's pull has no timeout: so it
    runs in a thread with a connection of its own, which is given up when it stays silent. The engine then
    ends that pull by itself, or when this process ends.
    """
    what = f"image {reference}"
    layers = LayerProgress()
    progress(layers.phase(reference), 0, None)
    try:
        for event in _events(connect, qualified(reference), patience_s):
            failure = field_of(event, "error")
            if failure:
                raise _refusal(what, tidy(str(failure)), 0)
            layers.add(event)
            progress(layers.phase(reference), layers.done, layers.total)
    except _SilentError:
        raise _unreachable(what, f"no answer within {patience_s:g} s") from None
    except LIBRARY_ERRORS as error:
        if status_of(error):
            raise _refusal(what, explain(error), status_of(error)) from error
        raise translate(error, what, address) from error


class LayerProgress:
    """Bytes of all layers: first those downloaded, then, when all are here, those extracted."""

    def __init__(self) -> None:
        self._sizes: dict[str, int | None] = {}
        self._downloaded: dict[str, int] = {}
        self._extracted: dict[str, int] = {}
        self._complete: set[str] = set()

    def add(self, event: object) -> None:
        """Take one event of the engine in."""
        layer, status, amounts = (field_of(event, name) for name in ("id", "status", "progressDetail"))
        if not isinstance(layer, str) or not isinstance(status, str):
            return
        current, total = field_of(amounts, "current"), field_of(amounts, "total")
        if status in {"Pulling fs layer", "Waiting"}:
            self._sizes.setdefault(layer, None)
        elif status == "Downloading" and isinstance(current, int):
            self._downloaded[layer] = current
            if isinstance(total, int) and total > 0:
                self._sizes[layer] = total
        elif status == "Extracting" and isinstance(current, int):
            self._extracted[layer] = current
        elif status in {"Verifying Checksum", "Download complete"}:
            self._finish_download(layer)
        elif status == "Pull complete":
            self._finish_download(layer)
            self._extracted[layer] = self._sizes.get(layer) or 0

    def _finish_download(self, layer: str) -> None:
        size = self._sizes.get(layer) or self._downloaded.get(layer, 0)
        self._sizes[layer] = self._downloaded[layer] = size
        self._complete.add(layer)

    @property
    def _is_downloaded(self) -> bool:
        return bool(self._sizes) and self._complete >= self._sizes.keys()

    def phase(self, reference: str) -> str:
        """What is being done."""
        return f"extracting {reference}" if self._is_downloaded else f"pulling {reference}"

    @property
    def done(self) -> int:
        """Bytes done in this phase."""
        return sum((self._extracted if self._is_downloaded else self._downloaded).values())

    @property
    def total(self) -> int | None:
        """Bytes to do; None until the size of every layer is known."""
        known = [size for size in self._sizes.values() if size is not None]
        return sum(known) if known and len(known) == len(self._sizes) else None


class _SilentError(Exception):
    """The registry gave no sign in time."""


def _events(connect: Callable[[], docker.APIClient], reference: str, patience_s: float) -> Iterator[object]:
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()

    def read() -> None:
        try:
            client = connect()
            try:
                for event in client.pull(reference, stream=True, decode=True):
                    answers.put(event)
            finally:
                client.close()
            answers.put(None)
        except Exception as error:  # noqa: BLE001 - it is raised again by the thread that waits
            answers.put(error)

    threading.Thread(target=read, name="pull", daemon=True).start()
    timeout_s: float | None = patience_s
    while True:
        try:
            answer = answers.get(timeout=timeout_s)
        except queue.Empty:
            raise _SilentError from None
        if answer is None:
            return
        if isinstance(answer, Exception):
            raise answer
        timeout_s = None
        yield answer


def _refusal(what: str, why: str, status: int) -> EngineError:
    if "invalid reference" in why:
        return ImageNotFoundError(what, f"that is no name of an image ({why})")
    if _UNREACHABLE.search(why):
        return _unreachable(what, why)
    if status == HTTPStatus.NOT_FOUND or _UNKNOWN.search(why):
        why = f"it is not on this machine, and its registry does not have it ({why})"
        return ImageNotFoundError(what, why, _SEE_LOCAL)
    if _REFUSED.search(why):
        return ImageNotFoundError(what, f"it is not on this machine, and its registry refuses it ({why})")
    return EngineError(what, why)


def _unreachable(what: str, why: str) -> ImageNotFoundError:
    why = f"it is not on this machine, and its registry cannot be reached ({why})"
    return ImageNotFoundError(what, why, _SEE_LOCAL)
