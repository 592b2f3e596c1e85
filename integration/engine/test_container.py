"""What the engine makes of a ContainerSpec, looked at from inside the container and by the docker command."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cleanenv.errors import EngineError
from cleanenv.model.mount import Mount
from integration.engine.conftest import Run, docker, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cleanenv.engine.port import Engine
    from cleanenv.model.container import ContainerSpec, Image

ODD_NAMES = [
    "with spaces",
    "with:colon",
    "with,comma",
    "qu\"o'te",
    "ünïcödé",
    "back\\slash",
    "$HOME",
    "a" * 200,
]


def test_agent_is_the_first_process_as_root_in_the_root_directory_without_a_terminal(run: Run) -> None:
    output = run("echo $$; id -u; id -g; pwd; [ -t 0 ] || [ -t 1 ] || echo no terminal")
    assert output.split("\n") == ["1", "0", "0", "/", "no terminal", ""]


def test_agent_is_read_only_and_its_directory_is_shared_with_the_host(run: Run, spec: ContainerSpec) -> None:
    output = run("touch /.cleanenv/agent; echo said inside >/.cleanenv/run/note")
    assert output == "touch: /.cleanenv/agent: Read-only file system\n"
    assert Path(spec.agent_directory, "note").read_text() == "said inside\n"


def test_environment_replaces_variables_of_the_image_and_keeps_the_others(run: Run) -> None:
    output = run("env", environment=("A=1 2",))
    assert {"A=1 2", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} <= set(output.split("\n"))
    assert run("/bin/env | /bin/grep ^PATH=", environment=("PATH=/mine",)) == "PATH=/mine\n"


def test_proxies_of_the_docker_configuration_do_not_enter(run: Run) -> None:
    assert run("env | grep -i proxy; true") == ""


def test_network_is_the_hosts_unless_another_is_named(run: Run) -> None:
    script = "/bin/busybox readlink /proc/self/ns/net"
    assert run(script) == os.readlink("/proc/self/ns/net") + "\n"
    assert run(script, network="none") != os.readlink("/proc/self/ns/net") + "\n"


def test_published_ports_are_those_of_the_host(engine: Engine, spec: ContainerSpec) -> None:
    publish = ("127.0.0.1:48123:80", "48124:53/udp")
    container = engine.create_container(replace(spec, network="bridge", publish=publish))
    engine.start_container(container.id)
    lines = set(docker("port", container.id).splitlines())
    assert {"80/tcp -> 127.0.0.1:48123", "53/udp -> 0.0.0.0:48124"} <= lines


def test_unknown_network_is_named_in_the_error(engine: Engine, spec: ContainerSpec) -> None:
    with pytest.raises(EngineError, match="cleanenv-no-such-network"):
        engine.start_container(engine.create_container(replace(spec, network="cleanenv-no-such-network")).id)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_directory_of_an_odd_name_is_mounted(run: Run, tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    directory.mkdir()
    (directory / "file").write_text("content\n")
    assert run("cd /data/*; cat file", Mount(str(directory), f"/data/{name}", writable=True)) == "content\n"


def test_missing_source_is_named_and_no_container_is_left(engine: Engine, spec: ContainerSpec, label: str) -> None:
    with pytest.raises(EngineError, match="/no/such/directory"):
        engine.create_container(replace(spec, mounts=(Mount("/no/such/directory", "/data", writable=True),)))
    assert engine.containers(label) == ()
    assert not os.path.exists("/no/such/directory")


def test_source_that_vanished_is_named_with_the_command_that_brings_it_back(
    engine: Engine, spec: ContainerSpec, tmp_path: Path
) -> None:
    source = tmp_path / "it's here"
    source.mkdir()
    container = engine.create_container(replace(spec, mounts=(Mount(str(source), "/data", writable=True),)))
    source.rmdir()
    with pytest.raises(EngineError, match="is no longer there") as caught:
        engine.start_container(container.id)
    assert caught.value.hint is not None
    subprocess.run(["sh", "-c", caught.value.hint], check=True)
    engine.start_container(container.id)


def test_agent_that_cannot_be_run_is_one_line(engine: Engine, spec: ContainerSpec, tmp_path: Path) -> None:
    program = tmp_path / "agent"
    program.write_text("no program\n")
    container = engine.create_container(replace(spec, agent=str(program)))
    with pytest.raises(EngineError, match=r'exec: "/\.cleanenv/agent".*permission denied') as caught:
        engine.start_container(container.id)
    assert "\n" not in str(caught.value)
    assert "OCI runtime" not in str(caught.value)


def test_paused_container_goes_on_when_it_is_started(engine: Engine, spec: ContainerSpec) -> None:
    container = engine.create_container(spec)
    engine.start_container(container.id)
    docker("pause", container.id)
    engine.start_container(container.id)
    running = engine.container(container.id)
    assert running is not None
    assert running.is_running


def test_paused_container_is_stopped(engine: Engine, spec: ContainerSpec) -> None:
    container = engine.create_container(spec)
    engine.start_container(container.id)
    docker("pause", container.id)
    engine.stop_container(container.id, grace_s=20)
    stopped = engine.container(container.id)
    assert stopped is not None
    assert stopped.status == "exited"


def test_agent_that_does_not_end_is_killed_after_the_grace(engine: Engine, spec: ContainerSpec) -> None:
    script = "trap '' TERM; while :; do read line </.cleanenv/run/never; done"
    os.mkfifo(Path(spec.agent_directory, "never"))
    container = engine.create_container(replace(spec, arguments=("sh", "-c", script)))
    engine.start_container(container.id)
    engine.stop_container(container.id, grace_s=1)
    assert wait_for_end(container.id) == 137


@pytest.fixture
def changed_image(image: Image, label: str) -> Iterator[Callable[..., str]]:
    """Build the busybox image with further settings of an image; gives the id."""
    made: list[str] = []

    def change(*changes: str) -> str:
        dockerfile = "\n".join((f"FROM {image.id}", *changes))
        # The classic builder, which every engine has, and which needs no registry for a local image.
        build = ["docker", "build", "--quiet", "-"]
        environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
        built = subprocess.run(build, input=dockerfile, env=environment, check=True, capture_output=True, text=True)
        made.append(built.stdout.split()[-1])
        return made[-1]

    yield change
    containers = docker("ps", "--all", "--quiet", "--filter", f"label={label}").split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    for image_id in made:
        docker("rmi", "--force", image_id)


def test_anonymous_volumes_go_with_the_container(
    engine: Engine, spec: ContainerSpec, changed_image: Callable[..., str]
) -> None:
    image = engine.image(changed_image("VOLUME /data"))
    assert image is not None
    assert image.volumes == ("/data",)
    container = engine.create_container(replace(spec, image_id=image.id))
    volume = docker("inspect", "--format", "{{range .Mounts}}{{if .Name}}{{.Name}}{{end}}{{end}}", container.id)
    assert volume in docker("volume", "ls", "--quiet").split()
    engine.remove_container(container.id)
    assert volume not in docker("volume", "ls", "--quiet").split()


def test_settings_of_the_image_for_its_own_program_do_not_count(
    engine: Engine, spec: ContainerSpec, changed_image: Callable[..., str]
) -> None:
    image_id = changed_image(
        'ENTRYPOINT ["false"]',
        'CMD ["false"]',
        "USER 65534",
        "WORKDIR /bin",
        "STOPSIGNAL SIGUSR1",
        "HEALTHCHECK --interval=1s CMD false",
    )
    container = engine.create_container(replace(spec, image_id=image_id))
    engine.start_container(container.id)
    assert docker("inspect", "--format", "{{.State.Health}}", container.id) == "<nil>"
    engine.stop_container(container.id, grace_s=20)
    assert engine.logs(container.id, lines=9) == "ready\nended\n"
