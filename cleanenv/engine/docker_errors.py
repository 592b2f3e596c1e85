"""The border to the docker SDK: whatever it raises becomes an EngineError with one readable line."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests.exceptions
import urllib3.exceptions

from cleanenv.errors import EngineError, EngineUnavailableError

__all__ = ["LIBRARY_ERRORS", "explain", "library_errors", "start_error", "status_of", "taken_port", "tidy", "translate"]

# StreamParseError is no DockerException, ProxySchemeUnsupported no HTTPError; an OSError is what a socket
# that breaks in a stream gives.
LIBRARY_ERRORS = (
    docker.errors.DockerException,
    docker.errors.StreamParseError,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    urllib3.exceptions.ProxySchemeUnsupported,
    OSError,
)

# Which layer of the engine passed a message on is of no use to its reader.
_PASSED_ON = re.compile(
    r"^(failed to create (shim|task)( task)?|OCI runtime (create|start) failed|runc create failed|crun"
    r"|unable to start container process|error during container init|Error response from daemon): "
)

_TAKEN_PORT = re.compile(
    r"(?:listen \w+ |Bind for |bind host port (?:for )?)(?:[\d.]*|\[[0-9a-f:]*\]):(\d+)\b"
    r".*: (?:port is already allocated|address already in use)"
)


@contextmanager
def library_errors(what: str, address: str) -> Iterator[None]:
    """Turn the library's errors in the block into EngineErrors that say `what` failed."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        raise translate(error, what, address) from error


def translate(error: Exception, what: str, address: str) -> EngineError:
    """The EngineError for an error of the library while it did `what` with the engine at `address`."""
    # APIError first: it is a requests exception and a DockerException at once.
    if isinstance(error, docker.errors.APIError):
        return EngineError(what, explain(error))
    if isinstance(error, (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)):
        return EngineUnavailableError(what, f"the engine at {address} did not answer in time")
    lost = (requests.exceptions.ConnectionError, urllib3.exceptions.ProtocolError, OSError)
    broken = (requests.exceptions.ChunkedEncodingError, docker.errors.StreamParseError)
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return EngineError(what, "the engine's answer cannot be understood")
    if isinstance(error, (*lost, *broken)):
        return EngineUnavailableError(what, f"the connection to the engine at {address} broke ({_cause(error)})")
    return EngineError(what, explain(error))


def explain(error: Exception) -> str:
    """The engine's own words, on one line, without the names of the parts that passed them on."""
    text = str(error)
    if isinstance(error, docker.errors.APIError) and error.explanation:
        text = error.explanation
    return tidy(text)


def taken_port(why: str) -> str | None:
    """The port of the host that somebody else has, when that is the reason of a refused start."""
    found = _TAKEN_PORT.search(why)
    return found[1] if found else None


def start_error(error: Exception, what: str) -> EngineError | None:
    """What a refused start has as its reason, where that can be mended: a directory that is gone, a port in use."""
    why = explain(error)
    _, found, source = why.partition("bind source path does not exist: ")
    if found:
        return EngineError(what, f"{source}, which it mounts, is no longer there", f"mkdir -p {shlex.quote(source)}")
    port = taken_port(why)
    if port is not None:
        return EngineError(what, f"port {port} of the host is in use", f"ss -tulpn 'sport = {port}'")
    return None


def tidy(text: str) -> str:
    """One line of a message of the engine."""
    text = " ".join(text.split()).removesuffix(": unknown")
    while (shorter := _PASSED_ON.sub("", text)) != text:
        text = shorter
    return text or "it gave no reason"


def status_of(error: Exception) -> int:
    """The HTTP status of the engine's refusal, 0 when there was none."""
    return (error.status_code or 0) if isinstance(error, docker.errors.APIError) else 0


def _cause(error: BaseException) -> str:
    """What the system said, below the wrappings of three libraries."""
    inner: BaseException | None = error
    seen: list[BaseException] = []
    while inner is not None and inner not in seen:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        seen.append(inner)
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__
