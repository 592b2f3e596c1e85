"""The adapter against sockets that do not behave like an engine; against a real engine see integration/."""

from __future__ import annotations

import contextlib
import gc
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cleanenv.engine.docker_config import exposed_ports, mounts, port_bindings
from cleanenv.engine.docker_engine import DockerEngine
from cleanenv.engine.docker_values import container_of, image_of, qualified
from cleanenv.engine.probe import Endpoint, EngineVersion
from cleanenv.errors import EngineError, EngineUnavailableError, UsageError
from cleanenv.model.container import Container, ContainerSpec, EngineInfo, Image
from cleanenv.model.mount import Mount
from tests.engine.sockets import answering, http_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The SDK leaves it to the garbage collector to close a socket that it could not connect.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SPEC = ContainerSpec(
    name="x",
    image_id="sha256:" + "a" * 64,
    agent="/env/.cleanenv/agent",
    agent_directory="/run/user/1000/cleanenv/x",
    host_directory="/run/user/1000/cleanenv/x/host",
    arguments=("--socket", "s"),
    mounts=(Mount("/", "/r", writable=False), Mount("/tmp", "/tmp", writable=True)),
    labels=(),
)


@pytest.fixture
def path() -> Iterator[Path]:
    # Not pytest's directory: its paths are longer than a socket's may be.
    with tempfile.TemporaryDirectory(prefix="ce", dir="/tmp") as directory:
        yield Path(directory, "docker.sock")


@pytest.fixture
def engine(path: Path) -> Iterator[DockerEngine]:
    engine = DockerEngine(Endpoint(f"unix://{path}"), EngineVersion("docker", "20.10.24", "1.41"))
    yield engine
    engine.close()
    gc.collect(generation=1)


REQUESTS: list[Callable[[DockerEngine], object]] = [
    lambda engine: engine.info(),
    lambda engine: engine.image("x"),
    lambda engine: engine.pull("x", lambda *_: None),
    lambda engine: engine.import_image("/dev/null", "x:1", lambda *_: None),
    lambda engine: engine.remove_image("x"),
    lambda engine: engine.read_file("x", "/etc/passwd"),
    lambda engine: engine.networks(),
    lambda engine: engine.create_container(SPEC),
    lambda engine: engine.start_container("x"),
    lambda engine: engine.stop_container("x", grace_s=1),
    lambda engine: engine.remove_container("x"),
    lambda engine: engine.container("x"),
    lambda engine: engine.containers("x"),
    lambda engine: engine.logs("x", lines=1),
]


@pytest.mark.parametrize("request_something", REQUESTS)
def test_engine_that_is_gone_is_unavailable(
    engine: DockerEngine, request_something: Callable[[DockerEngine], object]
) -> None:
    with pytest.raises(EngineUnavailableError, match=r"the connection to the engine at unix:///.* broke"):
        request_something(engine)


@pytest.mark.parametrize("request_something", REQUESTS)
@pytest.mark.parametrize(
    "answer",
    [b"", b"\0\xff", http_answer(b"hello"), http_answer(b"[1]"), http_answer(b'{"message": "no"}', "500 No"),
     http_answer(b"hello", "500 No"), http_answer(b'{"Id": 7}'), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"],
)  # fmt: skip
def test_answer_of_something_else_is_an_engine_error_or_an_empty_result(
    engine: DockerEngine, path: Path, answer: bytes, request_something: Callable[[DockerEngine], object]
) -> None:
    # Any other exception would fail the test.
    with answering(path, answer), contextlib.suppress(EngineError):
        request_something(engine)


# What a container is made with

DOCKER = EngineInfo("docker", "20.10.24", "1.41", "unix:///x", rootless=False)
TABLE = "1 0 8:1 / / rw - ext4 sda rw\n2 1 8:2 / /home rw - ext4 sdb rw\n"


def test_mounts_are_given_to_docker_without_a_propagation() -> None:
    made = [dict(mount) for mount in mounts(SPEC, DOCKER, data_root="/var/lib/docker", mount_table=TABLE)[0]]
    private = {"NonRecursive": True}
    assert made == [
        {"Target": "/r", "Source": "/.", "Type": "bind", "ReadOnly": True, "BindOptions": private},
        {"Target": "/r/home", "Source": "/home", "Type": "bind", "ReadOnly": True, "BindOptions": private},
        {"Target": "/tmp", "Source": "/tmp", "Type": "bind", "ReadOnly": False},
        {
            "Target": "/.cleanenv/agent",
            "Source": "/env/.cleanenv/agent",
            "Type": "bind",
            "ReadOnly": True,
            "BindOptions": private,
        },
        {
            "Target": "/.cleanenv/run",
            "Source": "/run/user/1000/cleanenv/x",
            "Type": "bind",
            "ReadOnly": False,
        },
        {
            "Target": "/.cleanenv/host",
            "Source": "/run/user/1000/cleanenv/x/host",
            "Type": "bind",
            "ReadOnly": True,
            "BindOptions": {"NonRecursive": True},
        },
    ]


def test_what_is_hidden_is_covered_by_a_file_system_that_is_no_mount_of_the_engine() -> None:
    spec = ContainerSpec("x", "i", "/a", "/d", "/h", (), (Mount("/", "/r", writable=False),), (), hidden="/usr")
    binding, covering = mounts(spec, DOCKER, data_root="/var/lib/docker", mount_table=TABLE)
    assert [mount["Type"] for mount in binding] == ["bind"] * 5
    assert covering == {"/r/usr": "ro,size=64k"}


@pytest.mark.parametrize(
    ("data_root", "source"),
    [("/var/lib/docker", "/var/."), ("/data/docker", "/var"), ("/various", "/var"), ("", "/var")],
)
def test_only_a_bind_that_contains_the_data_root_hides_that_from_docker(data_root: str, source: str) -> None:
    spec = ContainerSpec("x", "i", "/a", "/d", "/h", (), (Mount("/var", "/v", writable=False),), ())
    assert mounts(spec, DOCKER, data_root=data_root, mount_table="")[0][0]["Source"] == source


def test_rootless_podman_gets_recursive_binds_of_plain_names() -> None:
    podman = EngineInfo("podman", "4.3.1", "1.41", "unix:///x", rootless=True)
    made, _ = mounts(SPEC, podman, data_root="/home/me/.local/share/containers", mount_table=TABLE)
    assert [mount["Source"] for mount in made[:3]] == ["/", "/home", "/tmp"]
    assert not any("BindOptions" in mount for mount in made)


def published(*texts: str, network: str = "bridge") -> ContainerSpec:
    return ContainerSpec("x", "i", "/a", "/d", "/h", (), (), (), network=network, publish=texts)


def test_published_ports() -> None:
    spec = published("8080:80", "127.0.0.1:8443:443/tcp", "[::1]:53:53/udp", "8081:80")
    assert port_bindings(spec) == {
        "80": ["8080", "8081"],
        "443/tcp": [("127.0.0.1", "8443")],
        "53/udp": [("::1", "53")],
    }
    assert exposed_ports(spec) == [(80, "tcp"), (443, "tcp"), (53, "udp")]


def test_hosts_network_publishes_by_itself() -> None:
    spec = published("8080:80", network="host")
    assert (port_bindings(spec), exposed_ports(spec)) == (None, None)


@pytest.mark.parametrize("text", ["", "x", "80:", "80:x", "a:80:80", "80:80/icmp", "1-3:1-2"])
def test_nonsense_in_publish_is_named(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        port_bindings(published(text))
    assert caught.value.what == f"publish {text!r}"


# Names and answers


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("debian", "docker.io/library/debian"),
        ("debian:12", "docker.io/library/debian:12"),
        ("opensuse/leap:15.6", "docker.io/opensuse/leap:15.6"),
        ("debian@sha256:" + "0" * 64, "docker.io/library/debian@sha256:" + "0" * 64),
        ("localhost/cleanenv/x:1", "localhost/cleanenv/x:1"),
        ("localhost:5000/x", "localhost:5000/x"),
        ("quay.io/a/b", "quay.io/a/b"),
        ("sha256:" + "0" * 64, "sha256:" + "0" * 64),
        ("0123456789ab", "0123456789ab"),
    ],
)
def test_reference_gets_the_registry_that_docker_means(reference: str, full: str) -> None:
    assert qualified(reference) == full


def test_image_of_podman_reads_like_one_of_docker() -> None:
    config = {"Env": ["A=1"], "Volumes": {"/data": {}}}
    for image_id in ("ab" * 32, "sha256:" + "ab" * 32):
        answer = {"Id": image_id, "RepoTags": ["<none>:<none>", "x:1"], "Config": config, "Size": 7}
        assert image_of(answer) == Image("sha256:" + "ab" * 32, ("x:1",), ("A=1",), ("/data",), 7)


def test_image_without_tags_and_configuration_is_read() -> None:
    assert image_of({"Id": "sha256:a", "RepoTags": None, "Config": {"Env": None}}) == Image("sha256:a", (), (), (), 0)


def test_container_is_read() -> None:
    answer = {
        "Id": "c1",
        "Name": "/x",
        "Image": "sha256:a",
        "State": {"Status": "running", "Pid": 7},
        "Config": {"Labels": {"b": "2", "a": "1"}},
    }
    assert container_of(answer) == Container("c1", "x", "sha256:a", "running", 7, (("a", "1"), ("b", "2")))


def test_answer_without_its_fields_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="it has no field Id"):
        container_of([])
