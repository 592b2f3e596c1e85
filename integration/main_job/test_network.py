"""Networks other than the host's, and ports that are published: with real connections."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, error_of
from integration.main_job.conftest import Create
from integration.main_job.images import docker
from integration.main_job.traces import traces

pytestmark = ONE_CALLER

SERVE = "echo content > page; exec httpd -f -p 8000"


@pytest.fixture
def port() -> int:
    """A port of the host that is free now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        number: int = listening.getsockname()[1]
        return number


def page_at(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/page", timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def test_published_port_leads_to_a_server_inside(create: Create, port: int) -> None:
    environment = create("--publish", f"127.0.0.1:{port}:8000", "--on-activate", SERVE, "--link=/bin/sh")
    assert page_at(f"127.0.0.1:{port}") == "content\n"
    # It is the container's own network: its server is not at that port of the host by itself.
    with pytest.raises(urllib.error.URLError, match="refused"):
        page_at("127.0.0.1:8000")
    assert environment.run("sh", "-c", "wget -qO- http://127.0.0.1:8000/page").output == "content\n"

    assert environment.cleanenv("stop").output == ""
    with pytest.raises(urllib.error.URLError, match="refused"):
        page_at(f"127.0.0.1:{port}")


def test_server_in_the_hosts_network_is_on_localhost(create: Create, port: int) -> None:
    create("--on-activate", f"echo content > page; exec httpd -f -p 127.0.0.1:{port}", "--link=/bin/sh")
    assert page_at(f"127.0.0.1:{port}") == "content\n"


def test_port_that_is_taken_is_told_and_leaves_nothing(caller: Caller, place: Path, busybox: str, port: int) -> None:
    before = traces(caller, place)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        result = caller.cleanenv("create", "-b", busybox, "--publish", f"127.0.0.1:{port}:80", place / "env")
    code, message, hint = error_of(result)
    assert (code, f"port {port} of the host is in use" in message, hint) == (1, True, f"ss -tulpn 'sport = {port}'")
    assert traces(caller, place) == before


@pytest.fixture
def network() -> Iterator[str]:
    """A network of the engine without a way out."""
    name = f"cleanenv-tests-{uuid.uuid4().hex[:12]}"
    docker("network", "create", "--internal", name)
    yield name
    docker("network", "rm", name)


def test_network_of_the_engine_is_entered_and_its_members_are_reached_by_name(
    caller: Caller, place: Path, create: Create, network: str
) -> None:
    create("--network", network, "--on-activate", SERVE, path=place / "server")
    server = docker("ps", "--format", "{{.Names}}", "--filter", f"label=cleanenv.path={place}/server")
    client = create("--network", network, "--link=/bin/sh", path=place / "client")
    assert client.run("sh", "-c", f"wget -qO- http://{server}:8000/page").output == "content\n"
    # They leave the network before it is removed.
    for name in ("server", "client"):
        assert caller.cleanenv("destroy", place / name).output == ""


def test_network_none_has_no_way_out(create: Create) -> None:
    environment = create("--network", "none", "--link=/bin/sh")
    assert environment.run("sh", "-c", "ls /sys/class/net").output == "lo\n"


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (
            ["--network", "no-such"],
            "network no-such: the engine has none of that name",
            "docker network create no-such",
        ),
        (
            ["--network", "container:no-such"],
            "network container:no-such: the engine has no such container",
            "docker ps",
        ),
        (
            ["--network", "host", "--publish", "8080:80"],
            "publish 8080:80: in the host's network every port is the host's already",
            "leave --publish away, or give --network bridge",
        ),
        (
            ["--network", "none", "--publish", "8080:80"],
            "publish 8080:80: network none has no ports to publish",
            "leave --publish away, or give --network bridge",
        ),
        (
            ["--publish", "80800:80"],
            "option --publish: '80800:80' is no port mapping",
            "use [HOST-IP:]HOST:CONTAINER[/tcp|/udp]",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    caller: Caller, place: Path, options: list[str], message: str, hint: str
) -> None:
    before = traces(caller, place)
    # The image would have to be pulled: it is not even looked for.
    result = caller.cleanenv("create", "-b", "localhost:1/no/such", *options, place / "env")
    code, said, suggested = error_of(result)
    assert (code, said.startswith(message), suggested) == (2, True, hint), said
    assert traces(caller, place) == before
