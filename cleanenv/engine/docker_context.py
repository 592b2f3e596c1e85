"""Which engine the user chose: DOCKER_HOST, or a docker context, as the docker command reads them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cleanenv.engine.probe import Endpoint, TlsFiles
from cleanenv.errors import EngineUnavailableError

__all__ = ["Choice", "chosen"]

_UNSET_HOST = "unset DOCKER_HOST"


@dataclass(frozen=True, slots=True)
class Choice:
    """An endpoint, who said so (to be named in an error), and what to do when it does not work."""

    endpoint: Endpoint
    said_by: str
    hint: str


def chosen(environ: Mapping[str, str], home: str) -> Choice | None:
    """The endpoint that the variables or the docker configuration below `home` name, None without any.

    Raises EngineUnavailableError, naming the variable or the context, for one that cannot be used.
    """
    if host := environ.get("DOCKER_HOST"):
        said_by = f"DOCKER_HOST={host}"
        tls = None
        if environ.get("DOCKER_TLS_VERIFY"):
            tls = _tls_files(environ.get("DOCKER_CERT_PATH") or os.path.join(home, ".docker"), verify=True)
        return Choice(_endpoint(host, tls, said_by, _UNSET_HOST), said_by, _UNSET_HOST)

    directory = environ.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
    name = environ.get("DOCKER_CONTEXT")
    if name:
        said_by, hint = f"DOCKER_CONTEXT={name}", "unset DOCKER_CONTEXT"
    else:
        name = _current_context(os.path.join(directory, "config.json"))
        said_by, hint = f"docker context {name!r}", "docker context use default"
    if not name or name == "default":
        return None
    return Choice(_context_endpoint(directory, name, said_by, hint), said_by, hint)


def _current_context(path: str) -> str | None:
    # A configuration that cannot be read stops the docker command no more than it stops this.
    data = _read_json(path)
    name = data.get("currentContext") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def _context_endpoint(directory: str, name: str, said_by: str, hint: str) -> Endpoint:
    contexts, digest = os.path.join(directory, "contexts"), hashlib.sha256(name.encode()).hexdigest()
    meta = os.path.join(contexts, "meta", digest, "meta.json")
    data = _read_json(meta)
    endpoints = data.get("Endpoints") if isinstance(data, dict) else None
    engine = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = engine.get("Host") if isinstance(engine, dict) else None
    if not isinstance(engine, dict) or not isinstance(host, str):
        raise EngineUnavailableError(said_by, f"there is no such context ({meta})", hint)
    certificates = os.path.join(contexts, "tls", digest, "docker")
    tls = None
    if os.path.isdir(certificates):
        tls = _tls_files(certificates, verify=engine.get("SkipTLSVerify") is not True)
    return _endpoint(host, tls, said_by, hint)


def _read_json(path: str) -> object:
    try:
        with open(path, encoding="utf-8") as file:
            return cast("object", json.load(file))
    except (OSError, ValueError):
        return None


def _tls_files(directory: str, *, verify: bool) -> TlsFiles:
    return TlsFiles(
        ca=os.path.join(directory, "ca.pem"),
        certificate=os.path.join(directory, "cert.pem"),
        key=os.path.join(directory, "key.pem"),
        verify=verify,
    )


def _endpoint(host: str, tls: TlsFiles | None, said_by: str, hint: str) -> Endpoint:
    scheme, separator, rest = host.partition("://")
    if separator and scheme == "unix" and rest.startswith("/"):
        return Endpoint(host)
    if separator and scheme in {"tcp", "http", "https"} and rest.strip("/"):
        return Endpoint(f"tcp://{rest}", tls)
    if scheme == "ssh":
        raise EngineUnavailableError(said_by, "an engine on another machine cannot see this machine's files", hint)
    raise EngineUnavailableError(said_by, "that is no address (unix:///PATH or tcp://HOST:PORT)", hint)
