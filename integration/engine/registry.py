"""A registry on this machine, as far as a pull needs one: manifests and blobs over HTTP."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Registry"]

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry:
    """Serves images that were added, until it is closed. Engines take an address of 127.* without TLS."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, bytes]] = {"/v2/": ("application/json", b"{}")}
        files = self._files

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                kind, body = files.get(self.path, ("application/json", _UNKNOWN))
                self.send_response(200 if self.path in files else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", _digest(body))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 - the name is http.server's

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def add(self, name: str, tag: str, *tars: Path) -> str:
        """Offer an image of these layers; gives its reference."""
        layers = [tar.read_bytes() for tar in tars]
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": ["A=pulled"]},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
            }
        ).encode()
        packed = [gzip.compress(layer, compresslevel=1) for layer in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _blob("application/vnd.docker.container.image.v1+json", config),
            "layers": [_blob("application/vnd.docker.image.rootfs.diff.tar.gzip", data) for data in packed],
        }
        text = json.dumps(manifest).encode()
        for key in (tag, _digest(text)):
            self._files[f"/v2/{name}/manifests/{key}"] = (_MANIFEST, text)
        for data in (config, *packed):
            self._files[f"/v2/{name}/blobs/{_digest(data)}"] = ("application/octet-stream", data)
        return f"{self.address}/{name}:{tag}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


_UNKNOWN = json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}).encode()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _blob(kind: str, data: bytes) -> dict[str, object]:
    return {"mediaType": kind, "size": len(data), "digest": _digest(data)}
