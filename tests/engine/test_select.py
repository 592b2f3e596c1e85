"""Which engine is found, and what is said and advised when none is; on real sockets, without an engine."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cleanenv.engine.select import Machine, connect
from cleanenv.errors import EngineUnavailableError
from tests.engine.sockets import answering, as_nobody, http_answer, refusing, silent, version_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = 1000
DOCKER = version_answer("20.10.24", "1.41")
PODMAN = version_answer("4.3.1", "1.41", "Podman Engine")


class Place:
    """A machine below a directory, as somebody finds it who is called so by the system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.docker_socket = root / "var/run/docker.sock"
        self.environ = {
            "HOME": str(root / "home"),
            "PATH": str(root / "bin"),
            "XDG_RUNTIME_DIR": str(root / "x"),
        }
        for directory in ("home", "bin", "usr/sbin", "run", "var"):
            (root / directory).mkdir(parents=True)
        (root / "var/run").symlink_to("../run")

    def install(self, path: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)

    def connect(self, uid: int = USER) -> str:
        """The kind and the address of the engine that is found."""
        engine = connect(self.environ, uid, machine=Machine(str(self.root)), timeout_s=5.0)
        try:
            return f"{engine.info().kind} {engine.info().address}"
        finally:
            engine.close()

    def failure(self, uid: int = USER, timeout_s: float = 5.0) -> tuple[str, str | None]:
        with pytest.raises(EngineUnavailableError) as caught:
            connect(self.environ, uid, machine=Machine(str(self.root)), timeout_s=timeout_s)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(str(self.root), "ROOT"), caught.value.hint


@pytest.fixture
def place() -> Iterator[Place]:
    # Not pytest's directory: its paths are longer than a socket's may be, and closed to others.
    with tempfile.TemporaryDirectory(prefix="ce", dir="/tmp") as root:
        os.chmod(root, 0o755)  # noqa: S103 - open to the one who is nobody
        yield Place(Path(root))


# Found


def test_docker_socket_is_found(place: Place) -> None:
    with answering(place.docker_socket, DOCKER):
        assert place.connect() == f"docker unix://{place.docker_socket}"


def test_docker_comes_before_podman(place: Place) -> None:
    with answering(place.docker_socket, DOCKER), answering(place.root / "x/podman/podman.sock", PODMAN):
        assert place.connect().startswith("docker ")


def test_podman_of_the_user_comes_before_that_of_the_system(place: Place) -> None:
    own, system = place.root / "x/podman/podman.sock", place.root / "run/podman/podman.sock"
    with answering(own, PODMAN), answering(system, PODMAN):
        assert place.connect() == f"podman unix://{own}"
    with answering(system, PODMAN):
        assert place.connect() == f"podman unix://{system}"


def test_podman_is_used_where_docker_has_left_its_socket(place: Place) -> None:
    refusing(place.docker_socket)
    with answering(place.root / "x/podman/podman.sock", PODMAN):
        assert place.connect().startswith("podman ")


def test_runtime_directory_has_a_default(place: Place) -> None:
    del place.environ["XDG_RUNTIME_DIR"]
    with answering(place.root / f"run/user/{USER}/podman/podman.sock", PODMAN):
        assert place.connect().startswith("podman ")


def test_docker_host_comes_before_everything(place: Place) -> None:
    other = place.root / "other.sock"
    place.environ |= {"DOCKER_HOST": f"unix://{other}", "DOCKER_CONTEXT": "nothing"}
    with answering(other, DOCKER), answering(place.docker_socket, DOCKER):
        assert place.connect() == f"docker unix://{other}"


@pytest.mark.parametrize("by_variable", [True, False])
def test_docker_context_is_followed(place: Place, *, by_variable: bool) -> None:
    other = place.root / "other.sock"
    configuration = place.root / "home/.docker"
    meta = configuration / "contexts/meta" / hashlib.sha256(b"mine").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": f"unix://{other}"}}}))
    if by_variable:
        place.environ["DOCKER_CONTEXT"] = "mine"
    else:
        (configuration / "config.json").write_text('{"currentContext": "mine"}')
    with answering(other, DOCKER), answering(place.docker_socket, DOCKER):
        assert place.connect() == f"docker unix://{other}"


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"currentContext": "default"}', '{"currentContext": 5}'])
def test_docker_configuration_without_a_context_does_not_matter(place: Place, text: str) -> None:
    (place.root / "home/.docker").mkdir()
    (place.root / "home/.docker/config.json").write_text(text)
    with answering(place.docker_socket, DOCKER):
        assert place.connect().startswith("docker ")


# Not found


def test_nothing_installed_names_the_package_on_debian(place: Place) -> None:
    (place.root / "etc").mkdir()
    (place.root / "etc/debian_version").write_text("12.1\n")
    why = "container engine: neither Docker nor Podman is installed"
    assert place.failure() == (why, "sudo apt-get install docker.io")
    assert place.failure(uid=0) == (why, "apt-get install docker.io")


def test_nothing_installed_names_the_documentation_elsewhere(place: Place) -> None:
    assert place.failure()[1] == "see https://docs.docker.com/engine/install/"


@pytest.mark.parametrize("program", ["usr/sbin/dockerd", "bin/dockerd"])
def test_docker_that_does_not_run_is_to_be_started(place: Place, program: str) -> None:
    place.install(program)
    why = "container engine: Docker is installed and does not run"
    assert place.failure() == (why, "sudo dockerd &")
    assert place.failure(uid=0) == (why, "dockerd &")
    (place.root / "run/systemd/system").mkdir(parents=True)
    assert place.failure() == (why, "sudo systemctl start docker")


def test_socket_that_nobody_serves_means_that_docker_does_not_run(place: Place) -> None:
    refusing(place.docker_socket)
    assert place.failure() == (
        "container engine: Docker does not run (nobody serves ROOT/var/run/docker.sock)",
        "sudo dockerd &",
    )


def test_podman_without_its_service_is_to_be_started(place: Place) -> None:
    place.install("bin/podman")
    why = "container engine: Podman is installed and its service does not run"
    said, hint = place.failure()
    assert (said, hint) == (
        why,
        f"mkdir -p {place.root}/x/podman; podman system service --time=0 unix://{place.root}/x/podman/podman.sock &",
    )
    (place.root / "run/systemd/system").mkdir(parents=True)
    assert place.failure() == (why, "systemctl --user enable --now podman.socket")
    assert place.failure(uid=0) == (why, "systemctl enable --now podman.socket")


def test_missing_permission_names_the_group(place: Place) -> None:
    with answering(place.docker_socket, DOCKER):
        place.docker_socket.chmod(0)
        with as_nobody():
            said, hint = place.failure(uid=os.geteuid())
    assert said == "container engine: no permission to use ROOT/var/run/docker.sock"
    assert hint is not None
    assert hint.startswith("sudo usermod -aG ")
    assert hint.endswith("# then log in again")


def test_permission_is_missing_only_where_no_other_engine_answers(place: Place) -> None:
    with answering(place.docker_socket, DOCKER), answering(place.root / "x/podman/podman.sock", PODMAN):
        place.docker_socket.chmod(0)
        (place.root / "x/podman/podman.sock").chmod(0o666)
        with as_nobody():
            assert place.connect().startswith("podman ")


def test_socket_that_is_silent_is_given_up(place: Place) -> None:
    with silent(place.docker_socket):
        assert place.failure(timeout_s=0.1) == (
            "container engine at ROOT/var/run/docker.sock: it did not answer within 0.1 s",
            "sudo kill $(cat /var/run/docker.pid); sudo dockerd &",
        )


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0\xff" * 1000,
        http_answer(b"hello"),
        http_answer(b"[]"),
        http_answer(b"{}"),
        http_answer(b'{"message": "no such page"}', "404 Not Found"),
        http_answer(b'{"Version": 1, "ApiVersion": 2}'),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
    ],
)
def test_socket_of_something_else_is_said_to_be_no_engine(place: Place, answer: bytes) -> None:
    with answering(place.docker_socket, answer):
        said, _ = place.failure()
    assert said.startswith("container engine at ROOT/var/run/docker.sock: what answers there is no container engine")


def test_engine_that_is_too_old_is_named(place: Place) -> None:
    with answering(place.docker_socket, version_answer("18.09.1", "1.39")):
        said, hint = place.failure()
    assert said == ("container engine: docker 18.09.1 at unix://ROOT/var/run/docker.sock is too old (API 1.39)")
    assert hint == "install Docker 19.03 or Podman 4.0, or a newer one"


# Chosen and unusable


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("unix:///no/such.sock", "there is no such socket"),
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("ssh://me@elsewhere", "an engine on another machine cannot see this machine's files"),
        ("/var/run/docker.sock", "that is no address (unix:///PATH or tcp://HOST:PORT)"),
        ("unix://relative", "that is no address (unix:///PATH or tcp://HOST:PORT)"),
        ("tcp://", "that is no address (unix:///PATH or tcp://HOST:PORT)"),
        ("nonsense", "that is no address (unix:///PATH or tcp://HOST:PORT)"),
    ],
)
def test_docker_host_that_cannot_be_used_is_named(place: Place, host: str, why: str) -> None:
    place.environ["DOCKER_HOST"] = host
    with answering(place.docker_socket, DOCKER):
        said, hint = place.failure()
    assert f"DOCKER_HOST={host}: " in said
    assert said.endswith(why)
    assert hint is not None
    assert "unset DOCKER_HOST" in hint


def test_docker_host_with_an_impossible_port_is_named(place: Place) -> None:
    place.environ["DOCKER_HOST"] = "tcp://localhost:99999"
    assert "DOCKER_HOST=tcp://localhost:99999: " in place.failure()[0]


def test_certificates_that_are_not_there_are_an_error_of_docker_host(place: Place) -> None:
    place.environ |= {"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1"}
    assert "DOCKER_HOST=tcp://127.0.0.1:1: " in place.failure()[0]


def test_unknown_context_is_named(place: Place) -> None:
    place.environ["DOCKER_CONTEXT"] = "lost"
    said, hint = place.failure()
    assert said.startswith("DOCKER_CONTEXT=lost: there is no such context (ROOT/home/.docker/contexts/meta/")
    assert hint == "unset DOCKER_CONTEXT"


def test_context_of_an_engine_that_does_not_run_is_named(place: Place) -> None:
    meta = place.root / "home/.docker/contexts/meta" / hashlib.sha256(b"mine").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text('{"Endpoints": {"docker": {"Host": "unix:///no/such.sock"}}}')
    (place.root / "home/.docker/config.json").write_text('{"currentContext": "mine"}')
    assert place.failure() == (
        "container engine of docker context 'mine': there is no such socket",
        "start that engine, or: docker context use default",
    )
