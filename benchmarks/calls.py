"""One call of `true`: natively, through the live directory, and by the other ways into the same container."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import docker

from benchmarks import spawn
from benchmarks.environment import CLEANENV, MeasuredEnvironment

__all__ = ["NATIVE", "Absent", "Way", "compare_programs", "ways"]

NATIVE = "/bin/true"
SETTLE_S = 0.05


@dataclass(frozen=True, slots=True)
class Way:
    """A way to call `true`; `call` takes one measure in milliseconds."""

    key: str
    title: str
    call: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Absent:
    """A way that this machine does not have."""

    key: str
    title: str
    reason: str


@contextlib.contextmanager
def ways(environment: MeasuredEnvironment) -> Iterator[tuple[list[Way], list[Absent]]]:
    """All ways, each tried once already. What they need is made for them and removed at the end."""
    with contextlib.ExitStack() as stack:
        candidates = [
            _program("native", "natively", [NATIVE]),
            _program("environment", "ENV/bin/true", [environment.true]),
            _launcher_on_disk(environment, stack),
            _nsenter(environment),
            _docker_command(environment),
            _sdk(environment, stack),
            _podman_command(environment, stack),
        ]
        present: list[Way] = []
        absent: list[Absent] = []
        for way in candidates:
            if isinstance(way, Absent):
                absent.append(way)
                continue
            try:
                way.call()
            except (OSError, spawn.ProgramFailedError, docker.errors.DockerException) as error:
                if way.key in ("native", "environment"):
                    raise
                absent.append(Absent(way.key, way.title, " ".join(str(error).split())))
            else:
                present.append(way)
        yield present, absent


def compare_programs(environment: MeasuredEnvironment) -> str:
    """A sentence on whether the two `true` that are measured are one program."""
    with open(NATIVE, "rb") as file:
        native = file.read()
    command = [CLEANENV, "exec", "-e", environment.path, "--", "cat", NATIVE]
    inside = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True).stdout
    if native == inside:
        linking = "dynamically linked" if b"/ld-" in native else "statically linked"
        digest = hashlib.sha256(native).hexdigest()[:12]
        return f"{NATIVE} is the same file on both sides ({linking}, {len(native)} bytes, sha256 {digest}…)"
    return f"{NATIVE} is not the same file on both sides: compare with care"


def _program(key: str, title: str, command: list[str]) -> Way:
    return Way(key, title, lambda: spawn.milliseconds(command))


def _settled(call: Callable[[], float]) -> Callable[[], float]:
    """The engine goes on working when its exec has ended: that is no part of the next figure."""

    def call_and_wait() -> float:
        value = call()
        time.sleep(SETTLE_S)
        return value

    return call_and_wait


def _launcher_on_disk(environment: MeasuredEnvironment, stack: contextlib.ExitStack) -> Way:
    """The same launcher outside of the live directory: the difference is what FUSE costs."""
    directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cleanenv-bench.", dir="/var/tmp"))
    copy = shutil.copy(environment.true, os.path.join(directory, "true"))
    return _program("launcher", "its launcher as a file on disk", [copy])


def _nsenter(environment: MeasuredEnvironment) -> Way | Absent:
    key, title = "nsenter", "nsenter -t PID -a"
    nsenter = shutil.which("nsenter")
    if nsenter is None:
        return Absent(key, title, "not installed")
    if os.geteuid() != 0:
        return Absent(key, title, "needs root")
    return _program(key, title, [nsenter, "-t", str(environment.agent), "-a", NATIVE])


def _docker_command(environment: MeasuredEnvironment) -> Way | Absent:
    key, title = "docker", "docker exec"
    client = shutil.which("docker")
    if client is None:
        return Absent(key, title, "no docker client")
    if environment.engine.kind != "docker":
        return Absent(key, title, f"the engine is {environment.engine.kind}")
    version = _output([client, "version", "--format", "{{.Client.Version}}"])
    command = [client, "--host", environment.engine.address, "exec", environment.container, NATIVE]
    return Way(key, f"{title} ({version})", _settled(lambda: spawn.milliseconds(command)))


def _sdk(environment: MeasuredEnvironment, stack: contextlib.ExitStack) -> Way:
    client = docker.APIClient(base_url=environment.engine.address, version=environment.engine.api_version)
    stack.callback(client.close)

    def call() -> float:
        before = time.perf_counter_ns()
        identifier = client.exec_create(environment.container, [NATIVE])["Id"]
        client.exec_start(identifier)
        status = client.exec_inspect(identifier)["ExitCode"]
        after = time.perf_counter_ns()
        if status != 0:
            raise spawn.ProgramFailedError(f"exec by the SDK: status {status}")
        return (after - before) / 1e6

    return Way("sdk", f"docker SDK {docker.__version__}, exec", _settled(call))


def _podman_command(environment: MeasuredEnvironment, stack: contextlib.ExitStack) -> Way | Absent:
    key, title = "podman", "podman exec"
    client = shutil.which("podman")
    if client is None:
        return Absent(key, title, "not installed")
    container = environment.container
    if environment.engine.kind != "podman":
        try:
            container = _podman_container(client, environment, stack)
        except (OSError, subprocess.CalledProcessError, docker.errors.DockerException) as error:
            said = error.stderr if isinstance(error, subprocess.CalledProcessError) else error
            return Absent(key, title, " ".join(str(said).split()))
    version = _output([client, "version", "--format", "{{.Client.Version}}"])
    command = [client, "exec", container, NATIVE]
    return Way(key, f"{title} ({version})", _settled(lambda: spawn.milliseconds(command)))


def _podman_container(client: str, environment: MeasuredEnvironment, stack: contextlib.ExitStack) -> str:
    """A container of the same image in Podman, which has a store of its own."""
    engine = docker.APIClient(base_url=environment.engine.address, version=environment.engine.api_version)
    loading = subprocess.Popen(
        [client, "import", "--quiet", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert loading.stdin is not None
    with contextlib.closing(engine), loading.stdin as pipe, contextlib.suppress(BrokenPipeError):
        for chunk in engine.export(environment.container):
            pipe.write(chunk)
    loading.stdin = None  # else communicate would flush it once more
    said, complaint = loading.communicate()
    if loading.returncode != 0:
        raise subprocess.CalledProcessError(loading.returncode, client, stderr=complaint.decode())
    image = said.decode().strip()
    stack.callback(subprocess.run, [client, "rmi", "--force", image], stdout=subprocess.DEVNULL, check=False)
    name = f"cleanenv-bench-{environment.id}"
    stack.callback(
        subprocess.run, [client, "rm", "--force", "--time", "0", name], stdout=subprocess.DEVNULL, check=False
    )
    run = [client, "run", "--detach", "--name", name, "--network", "host", image, "sleep", "infinity"]
    _output(run)
    return name


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
