from __future__ import annotations

from typing import TYPE_CHECKING, cast

import docker
import docker.errors
import pytest
import requests

from cleanenv.engine.docker_pull import LayerProgress, pull
from cleanenv.errors import EngineError, EngineUnavailableError, ImageNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

# As dockerd tells it, two layers of which one is there already.
EVENTS: list[dict[str, object]] = [
    {"status": "Pulling from library/x", "id": "latest"},
    {"status": "Already exists", "progressDetail": {}, "id": "base"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "one"},
    {"status": "Pulling fs layer", "progressDetail": {}, "id": "two"},
    {"status": "Downloading", "progressDetail": {"current": 10, "total": 100}, "id": "one"},
    {"status": "Waiting", "progressDetail": {}, "id": "two"},
    {"status": "Downloading", "progressDetail": {"current": 50, "total": 300}, "id": "two"},
    {"status": "Downloading", "progressDetail": {"current": 100, "total": 100}, "id": "one"},
    {"status": "Verifying Checksum", "progressDetail": {}, "id": "one"},
    {"status": "Download complete", "progressDetail": {}, "id": "one"},
    {"status": "Extracting", "progressDetail": {"current": 60, "total": 100}, "id": "one"},
    {"status": "Download complete", "progressDetail": {}, "id": "two"},
    {"status": "Pull complete", "progressDetail": {}, "id": "one"},
    {"status": "Extracting", "progressDetail": {"current": 150, "total": 300}, "id": "two"},
    {"status": "Pull complete", "progressDetail": {}, "id": "two"},
    {"status": "Digest: sha256:abc"},
    {"status": "Status: Downloaded newer image for x:latest"},
]


def test_bytes_of_all_layers_are_summed_up_first_downloaded_then_extracted() -> None:
    layers, reports = LayerProgress(), []
    for event in EVENTS:
        layers.add(event)
        reports.append((layers.phase("x"), layers.done, layers.total))
    assert list(dict.fromkeys(reports)) == [
        ("pulling x", 0, None),
        ("pulling x", 10, None),
        ("pulling x", 60, 400),
        ("pulling x", 150, 400),
        ("extracting x", 60, 400),
        ("extracting x", 100, 400),
        ("extracting x", 250, 400),
        ("extracting x", 400, 400),
    ]


@pytest.mark.parametrize(
    "event",
    [{}, {"id": 5, "status": "x"}, {"id": "a", "status": "Downloading"}, {"id": "a", "status": "New in 2030"},
     {"id": "a", "status": "Downloading", "progressDetail": {"current": "much"}}],
)  # fmt: skip
def test_event_that_says_nothing_known_changes_nothing(event: dict[str, object]) -> None:
    layers = LayerProgress()
    layers.add(event)
    assert (layers.done, layers.total) == (0, None)


class Client:
    """As much of the SDK's client as a pull uses."""

    def __init__(self, *events: dict[str, object] | Exception) -> None:
        self.events = events
        self.asked: list[str] = []
        self.is_closed = False

    def pull(self, reference: str, **_: bool) -> Iterator[dict[str, object]]:
        self.asked.append(reference)
        for event in self.events:
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self) -> None:
        self.is_closed = True


def pull_from(client: Client, reference: str = "x") -> None:
    pull(
        lambda: cast("docker.APIClient", client),
        reference,
        lambda *_: None,
        patience_s=10,
        address="unix:///run/docker.sock",
    )


def refusal(status: int, message: str) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    return docker.errors.APIError("refused", response=response, explanation=message)


def test_engine_is_asked_by_the_full_name_and_the_connection_is_closed() -> None:
    client = Client(*EVENTS)
    pull_from(client, "debian:12")
    assert client.asked == ["docker.io/library/debian:12"]
    assert client.is_closed


# Messages of Docker 20.10 and newer, of Podman 4, and of registries.
HUB = 'Get "https://registry-1.docker.io/v2/": '
UNREACHABLE = [
    HUB + "dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host",
    HUB + "dial tcp 1.2.3.4:443: connect: connection refused",
    HUB + "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)",
    HUB + "x509: certificate signed by unknown authority",
    HUB + "proxyconnect tcp: dial tcp 1.2.3.4:3128: i/o timeout",
    HUB + "EOF",
    'Get "https://10.0.0.1/v2/": http: server gave HTTP response to HTTPS client',
    "initializing source docker://x:latest: pinging container registry registry-1.docker.io: ...",
]
UNKNOWN = [
    "manifest for x:nope not found: manifest unknown: manifest unknown",
    "pull access denied for x, repository does not exist or may require 'docker login': denied",
    "requested access to the resource is denied",
    "no matching manifest for linux/arm64/v8 in the manifest list entries",
    "unauthorized: authentication required",
]


@pytest.mark.parametrize("message", UNREACHABLE)
@pytest.mark.parametrize("in_stream", [False, True])
def test_registry_out_of_reach_is_told(message: str, *, in_stream: bool) -> None:
    failure: dict[str, object] | Exception = {"error": message} if in_stream else refusal(500, message)
    with pytest.raises(ImageNotFoundError, match=r"^image x: .*its registry cannot be reached") as caught:
        pull_from(Client(failure))
    assert message in caught.value.why


@pytest.mark.parametrize("message", UNKNOWN)
@pytest.mark.parametrize("status", [404, 500])
def test_unknown_image_is_told(message: str, status: int) -> None:
    with pytest.raises(ImageNotFoundError, match=r"^image x: .*its registry does not have it"):
        pull_from(Client(refusal(status, message)))


def test_registry_that_limits_its_users_is_told() -> None:
    with pytest.raises(ImageNotFoundError, match="its registry refuses it"):
        pull_from(Client(refusal(500, "toomanyrequests: You have reached your pull rate limit.")))


def test_failure_that_is_not_the_registrys_is_no_missing_image() -> None:
    with pytest.raises(EngineError, match="no space left on device") as caught:
        pull_from(Client(*EVENTS[:9], {"error": "write /var/lib/docker/tmp/x: no space left on device"}))
    assert type(caught.value) is EngineError


def test_engine_that_breaks_off_is_unavailable() -> None:
    with pytest.raises(EngineUnavailableError):
        pull_from(Client(*EVENTS[:5], requests.exceptions.ChunkedEncodingError("cut")))
