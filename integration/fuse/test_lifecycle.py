"""The server's life: start, end, and everything that may happen to it in between."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import select
import signal
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cleanenv import mounts
from cleanenv.errors import EnvironmentStateError, MountError
from cleanenv.mounts import BusyMountError, MountState
from cleanenv.server import control, process
from integration.fuse.harness import LiveEnvironment, command, is_gone, kill
from tests.server.fake_agent import FakeAgent

MakeEnvironment = Callable[..., LiveEnvironment]


@contextmanager
def running(env: LiveEnvironment, mode: str = "wait") -> Iterator[subprocess.Popen[bytes]]:
    """A program of the directory that runs; it reads its pages when its stdin ends (with "hold", it has them)."""
    with subprocess.Popen(command(env.program("a"), mode), stdin=-1, stdout=-1) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"waiting\n"
        yield program
        program.communicate()
    assert program.returncode == 0


def test_the_server_is_small_and_has_no_engine_in_memory(env: LiveEnvironment) -> None:
    env.names()
    pid = env.start()

    status = Path(f"/proc/{pid}/status").read_text()
    resident_kb = int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])
    assert resident_kb < 30 * 1024
    files = Path(f"/proc/{pid}/maps").read_text()
    assert not re.search(r"psutil|docker|requests|libssl", files)


def test_the_server_uses_the_library_that_this_test_is_about(env: LiveEnvironment) -> None:
    libraries = re.findall(r"libfuse3?(?=\.so)", Path(f"/proc/{env.start()}/maps").read_text())

    expected = "libfuse3" if ("FUSE_LIBRARY_NAME", "fuse3") in env.settings.variables else "libfuse"
    assert set(libraries) == {expected}


def test_the_server_is_detached(env: LiveEnvironment) -> None:
    pid = env.start()

    assert os.getsid(pid) != os.getsid(0)
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in (1, 2)} == {f"{env.run}/server.log"}
    environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert b"PATH=/usr/sbin:/usr/bin:/sbin:/bin" in environ
    assert stat.S_IMODE(os.stat(env.control).st_mode) == 0o600


def test_the_status_tells_what_is_served(env: LiveEnvironment) -> None:
    status = env.status()

    assert status["mounted"] is True
    assert status["agent"] is True
    assert status["links"] == [["cc", "/usr/bin/gcc"], [None, "/opt/*"]]
    assert isinstance(status["since"], float)
    assert abs(status["since"] - time.time()) < 60
    env.agent.stop()
    assert env.status()["agent"] is False


def test_a_second_start_finds_the_first_server(env: LiveEnvironment) -> None:
    pid = env.start()

    assert env.start() == pid
    assert len(mounts.entries(str(env.bin))) == 1


def test_starts_at_the_same_time_make_one_server(make: MakeEnvironment) -> None:
    env = make()
    failures: list[Exception] = []

    def start() -> None:
        try:
            process.start(env.settings)
        except MountError as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(mounts.entries(str(env.bin))) == 1
    assert env.names() == ["a", "cc"]


def test_exit_unmounts_and_leaves_nothing(env: LiveEnvironment) -> None:
    pid = env.start()

    assert env.exit() == {"busy": False}
    assert is_gone(pid)
    assert env.state() is MountState.ABSENT
    assert not os.path.exists(env.control)
    assert (env.bin / "activate").read_text() == "# beneath\n"
    with pytest.raises(control.ServerAbsentError):
        env.status()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_unmounts_and_leaves_nothing(env: LiveEnvironment, number: signal.Signals) -> None:
    pid = env.start()

    os.kill(pid, number)

    assert is_gone(pid)
    assert env.state() is MountState.ABSENT
    assert not os.path.exists(env.control)
    assert "ERROR" not in env.log


def unmount_helper(env: LiveEnvironment) -> int:
    """The process of libfuse that unmounts the directory when its server dies."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            arguments = path.read_bytes().split(b"\0")
            if b"fusermount" in arguments[0] and os.fsencode(env.bin) in arguments:
                return int(path.parent.name)
    raise AssertionError("there is no such process")


def test_a_killed_server_leaves_the_activation_scripts_in_sight(env: LiveEnvironment) -> None:
    """A dead mount would hide them, and with them the way to repair it."""
    kill(env.start())
    with open("/proc/self/mountinfo", "rb") as mountinfo:
        changes = select.poll()
        changes.register(mountinfo, select.POLLPRI | select.POLLERR)
        while env.state() is not MountState.ABSENT:
            assert changes.poll(10_000)
    assert os.listdir(env.bin) == ["activate"]


def test_a_directory_that_a_killed_server_left_is_replaced(env: LiveEnvironment) -> None:
    pid = env.start()
    kill(unmount_helper(env))
    kill(pid)
    assert env.state() is MountState.DEAD

    assert env.start() != pid

    assert env.state() is MountState.LIVE
    assert len(mounts.entries(str(env.bin))) == 1
    assert env.names() == ["a", "cc"]


def test_a_program_survives_that_its_server_is_killed_and_replaced(env: LiveEnvironment) -> None:
    with running(env, "hold") as program:
        kill(env.start())
        env.start()
        assert program.poll() is None
        assert env.names() == ["a", "cc"]


def test_a_busy_directory_is_unmounted_and_its_programs_are_served_to_their_end(env: LiveEnvironment) -> None:
    first = env.start()
    with running(env):
        with pytest.raises(BusyMountError):
            mounts.unmount(str(env.bin))
        assert env.exit() == {"busy": True}
        assert env.state() is MountState.ABSENT
        assert not os.path.exists(env.control)

        second = env.start()
        assert second != first
        assert env.names() == ["a", "cc"]
        assert not is_gone(first, 0)

    assert is_gone(first)
    assert env.start() == second
    assert env.names() == ["a", "cc"]


def test_the_end_of_a_server_that_made_way_does_not_touch_its_successor(env: LiveEnvironment) -> None:
    first = env.start()
    with running(env, "hold") as program:
        env.exit()
        second = env.start()

        os.kill(first, signal.SIGTERM)

        assert is_gone(first)
        assert program.poll() is None
        assert env.start() == second
        assert env.names() == ["a", "cc"]


def test_a_server_whose_directory_is_unmounted_ends(env: LiveEnvironment) -> None:
    pid = env.start()

    mounts.unmount(str(env.bin))

    assert is_gone(pid)
    assert not os.path.exists(env.control)
    assert env.start() != pid


def test_a_copy_of_the_mount_elsewhere_does_not_keep_the_environment(env: LiveEnvironment) -> None:
    """A container has a copy of every mount of the host that existed when it was started."""
    first = env.start()
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo ready; read x"]
    with subprocess.Popen(command, stdin=-1, stdout=-1) as container:
        assert container.stdout is not None
        assert container.stdout.readline() == b"ready\n"
        mounts.unmount(str(env.bin))

        second = env.start()

        assert second != first
        assert env.names() == ["a", "cc"]
        assert env.exit() == {"busy": False}
        assert is_gone(second)
        container.communicate()
    assert is_gone(first)


def test_a_server_in_another_mount_namespace_is_told(env: LiveEnvironment) -> None:
    env.exit()
    script = (
        "import sys; from cleanenv.server import process, settings;"
        "process.start(settings.ServerSettings.from_json(sys.stdin.read()))"
    )
    command = ["unshare", "--mount", "--propagation", "private", env.settings.python, "-c", script]
    document = env.settings.to_json().encode()
    subprocess.run(command, input=document, env=dict(env.settings.variables), check=True)

    with pytest.raises(MountError, match="not in the mount namespace of this process"):
        env.start()
    assert env.exit() == {"busy": False}


def test_a_server_whose_runtime_directory_was_wiped_is_replaced(env: LiveEnvironment) -> None:
    first = env.start()
    for file in (env.run / "server.lock", Path(env.control), env.run / "server.log"):
        file.unlink()

    second = env.start()

    assert second != first
    assert is_gone(first)
    assert len(mounts.entries(str(env.bin))) == 1
    assert env.status()["pid"] == second


def test_an_environment_that_was_renamed_is_still_unmounted(env: LiveEnvironment, directory: Path) -> None:
    pid = env.start()
    env.root.rename(directory / "moved")
    try:
        assert env.status()["mounted"] is True
        assert env.exit() == {"busy": False}
        assert is_gone(pid)
        assert mounts.state(str(directory / "moved" / "bin")) is MountState.ABSENT
    finally:
        (directory / "moved").rename(env.root)


def test_a_server_that_hangs_is_named_and_hangs_nobody(env: LiveEnvironment) -> None:
    pid = env.start()
    os.kill(pid, signal.SIGSTOP)
    try:
        assert mounts.state(str(env.bin), timeout_s=0.2) is MountState.SILENT
        with pytest.raises(MountError, match=f"process {pid} does not answer"):
            process.start(env.settings, 0.5)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert env.start() == pid
    assert env.state() is MountState.LIVE


def test_a_mount_that_is_refused_is_one_clear_error_and_leaves_nothing(env: LiveEnvironment) -> None:
    env.exit()
    (env.bin / "activate").unlink()
    env.bin.rmdir()
    try:
        with pytest.raises(MountError) as caught:
            env.start()
        assert caught.value.what == f"mount of the live directory at {env.bin}"
        assert "No such file" in caught.value.why
        assert sorted(path.name for path in env.run.iterdir()) == [
            "agent",
            "server.lock",
            "server.log",
            "shadow",
        ]
    finally:
        env.bin.mkdir()
    assert env.start()


def test_a_launcher_that_is_missing_is_told(env: LiveEnvironment) -> None:
    env.exit()

    with pytest.raises(MountError, match="launcher /none: No such file"):
        process.start(replace(env.settings, launcher="/none"))


def test_without_any_fuse_library_the_packages_are_named(env: LiveEnvironment) -> None:
    env.exit()
    for module in ("fuse", "fusepy", "mfusepy"):
        (env.run / "shadow" / f"{module}.py").write_text("raise ImportError('hidden')\n")

    with pytest.raises(MountError) as caught:
        env.start()
    assert caught.value.hint == "apt-get install libfuse2 fuse3"


def test_an_error_of_cleanenv_start_is_passed_to_the_launcher(env: LiveEnvironment) -> None:
    env.agent.stop()

    assert ask(env, b"start\n").startswith(f"error\tenvironment {env.root}\t".encode())


def test_a_start_when_the_container_runs_is_done_at_once(env: LiveEnvironment) -> None:
    (env.run / "lock").touch()  # as every command does
    assert ask(env, b"start\n") == b"ok {}\n"


def test_a_start_makes_the_container_run(env: LiveEnvironment) -> None:
    """`cleanenv start` is played by a program that starts the agent of the test."""
    env.agent.stop()
    python = env.run / "python"
    fifo = env.run / "fifo"
    os.mkfifo(fifo)
    python.write_text(f'#!/bin/sh\necho "$*" >"{env.run}/asked"\necho x >"{fifo}"\nread done <"{fifo}"\n')
    python.chmod(0o755)
    settings = replace(env.settings, python=str(python))
    control.request(env.control, "reload", settings.to_object())
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(ask(env, b"start\n")))
    thread.start()
    assert fifo.read_text() == "x\n"

    with FakeAgent(str(env.run / "agent" / "agent.sock"), {"/opt/started": 1}):
        fifo.write_text("done\n")
        thread.join()

        assert answers == [b"ok {}\n"]
        assert (env.run / "asked").read_text() == f"-m cleanenv start --container-only -e {env.root}\n"
    # The listing was asked for at once, so it is known when the container is down again.
    assert env.names() == ["started"]


def test_a_reload_for_another_environment_is_refused(env: LiveEnvironment) -> None:
    other = replace(env.settings, environment="/elsewhere")

    with pytest.raises(EnvironmentStateError, match="this is the server of"):
        control.request(env.control, "reload", other.to_object())
    with pytest.raises(EnvironmentStateError, match="settings of the environment server"):
        control.request(env.control, "reload", {"nonsense": 1})
    assert env.names() == ["a", "cc"]


def test_a_foreign_user_cannot_reach_the_control_socket(env: LiveEnvironment) -> None:
    os.chmod(env.run, 0o755)  # noqa: S103
    script = (
        "import socket, sys\n"
        "try: socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n"
        "except PermissionError: sys.exit(3)\n"
    )

    done = subprocess.run(
        ["/usr/bin/env", "python3", "-c", script, env.control], user=65534, group=65534, check=False, env={}
    )

    assert done.returncode == 3


def test_a_read_only_environment_is_served(env: LiveEnvironment) -> None:
    env.exit()
    private = env.root / ".cleanenv"
    libc = ctypes.CDLL(None, use_errno=True)
    bind, remount_read_only = 0x1000, 0x1000 | 0x20 | 0x1
    path = os.fsencode(private)
    assert libc.mount(path, path, None, bind, None) == 0
    try:
        assert libc.mount(None, path, None, remount_read_only, None) == 0
        env.start()
        assert env.names() == ["a", "cc"]
        env.agent.files["/opt/new"] = 1
        assert env.names() == ["a", "cc", "new"]
        assert env.log.count("the listing cannot be kept for later") == 1
    finally:
        libc.umount2(path, 2)


def ask(env: LiveEnvironment, data: bytes) -> bytes:
    """What the launcher would read."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(env.control)
        connection.sendall(data)
        return connection.recv(65536)
