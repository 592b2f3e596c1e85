"""Ask an address whether a container engine answers there, and which, within a bounded time.

Without the docker package: importing that costs 250 ms, and its errors do not tell a missing socket from a
forbidden or a silent one.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from typing import Literal, cast
from urllib.parse import urlsplit

__all__ = ["Endpoint", "EngineVersion", "Problem", "TlsFiles", "probe"]

_LONGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The client's certificates for a TCP address; without `verify` the server's one is not checked."""

    ca: str
    certificate: str
    key: str
    verify: bool


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine listens: `unix://PATH` or `tcp://HOST:PORT`."""

    address: str
    tls: TlsFiles | None = None

    @property
    def socket_path(self) -> str | None:
        """The path of the unix socket, None for TCP."""
        return self.address.removeprefix("unix://") if self.address.startswith("unix://") else None


@dataclass(frozen=True, slots=True)
class EngineVersion:
    """What an engine says of itself; `kind` is "docker" or "podman"."""

    kind: str
    version: str
    api_version: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an address has no engine for us.

    missing: nothing is there; refused: a socket that nobody serves; denied: no permission to connect;
    silent: it accepts and does not answer; garbage: what answers is no engine.
    """

    kind: Literal["missing", "refused", "denied", "silent", "garbage"]
    detail: str


def probe(endpoint: Endpoint, timeout_s: float) -> EngineVersion | Problem:
    """The engine at that address. `timeout_s` bounds each wait for it: to connect, and to answer."""
    try:
        connection = _connection(endpoint, timeout_s)
    except (OSError, ValueError) as error:  # unreadable certificates, an impossible port
        return Problem("garbage", str(error))
    try:
        connection.request("GET", "/version", headers={"Host": "localhost", "Connection": "close"})
        response = connection.getresponse()
        return _read_version(response.status, response.read(_LONGEST_ANSWER))
    except (OSError, http.client.HTTPException) as error:
        return _problem(error, timeout_s)
    finally:
        connection.close()


def _problem(error: OSError | http.client.HTTPException, timeout_s: float) -> Problem:
    cause = getattr(error, "strerror", None) or type(error).__name__
    match error:
        case FileNotFoundError():
            return Problem("missing", "there is no such socket")
        case PermissionError():
            return Problem("denied", "permission denied")
        case TimeoutError():
            return Problem("silent", f"it did not answer within {timeout_s:g} s")
        # RemoteDisconnected is both an HTTPException and a ConnectionResetError.
        case http.client.HTTPException() | ConnectionResetError() | BrokenPipeError():
            return Problem("garbage", f"what answers there is no container engine ({cause})")
        case _:
            return Problem("refused", cause)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(endpoint: Endpoint, timeout_s: float) -> http.client.HTTPConnection:
    if (path := endpoint.socket_path) is not None:
        return _UnixConnection(path, timeout_s)
    parts = urlsplit(endpoint.address)
    host, port, tls = parts.hostname or "localhost", parts.port, endpoint.tls
    if tls is None:
        return http.client.HTTPConnection(host, port or 2375, timeout=timeout_s)
    context = ssl.create_default_context(cafile=tls.ca if tls.verify else None)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(tls.certificate, tls.key)
    return http.client.HTTPSConnection(host, port or 2376, timeout=timeout_s, context=context)


def _read_version(status: int, body: bytes) -> EngineVersion | Problem:
    not_an_engine = Problem("garbage", "what answers there is no container engine")
    try:
        data = cast("object", json.loads(body))
    except ValueError:
        return not_an_engine
    if status != http.HTTPStatus.OK or not isinstance(data, dict):
        return not_an_engine
    version, api_version, components = data.get("Version"), data.get("ApiVersion"), data.get("Components")
    if not isinstance(version, str) or not isinstance(api_version, str):
        return not_an_engine
    names = [part.get("Name") for part in components if isinstance(part, dict)] if isinstance(components, list) else []
    kind = "podman" if "Podman Engine" in names else "docker"
    return EngineVersion(kind, version, api_version)
