"""Starting a server that fails in every way: each is one clear error, in time, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from pathlib import Path

import pytest

from cleanenv.errors import MountError
from cleanenv.server.process import start
from cleanenv.server.settings import ServerSettings


def settings(tmp_path: Path, script: str) -> ServerSettings:
    """Settings whose Python is a shell script; `$settings`, `$lock` and `$ready` are its descriptors."""
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        "while [ $# -gt 0 ]; do\n"
        'case $1 in --*-fd) n=${1#--}; eval "${n%-fd}=/proc/self/fd/$2"; shift;; esac; shift\n'
        "done\n" + script
    )
    python.chmod(0o755)
    (tmp_path / "run").mkdir()
    return ServerSettings(
        environment=str(tmp_path / "env"),
        runtime_directory=str(tmp_path / "run"),
        uid=os.getuid(),
        gid=os.getgid(),
        home="/root",
        links=(),
        files=(),
        launcher="/none",
        python=str(python),
        variables=(("PATH", "/usr/bin:/bin"),),
    )


def failure(settings: ServerSettings, timeout_s: float = 10.0) -> tuple[str, str | None]:
    with pytest.raises(MountError) as caught:
        start(settings, timeout_s)
    return caught.value.why, caught.value.hint


def test_the_server_gets_its_settings_and_tells_that_it_is_ready(tmp_path: Path) -> None:
    script = 'cat <$settings >"$0.got"; echo "ok {}" >$ready'
    given = settings(tmp_path, script)

    start(given)

    assert ServerSettings.from_json((tmp_path / "python.got").read_text()) == given


def test_the_server_has_nothing_of_its_starter_but_what_it_needs(tmp_path: Path) -> None:
    script = 'ls /proc/self/fd >"$0.fds"; pwd >"$0.cwd"; env >"$0.env"; echo "ok {}" >$ready'
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # noqa: FBT003

    start(settings(tmp_path, script))

    os.close(reader)
    os.close(writer)
    # 0, 1, 2, settings, lock, ready; the last one is the directory that ls reads.
    assert len((tmp_path / "python.fds").read_text().split()) == 7
    assert (tmp_path / "python.cwd").read_text() == "/\n"
    assert "PATH=/usr/bin:/bin\n" in (tmp_path / "python.env").read_text()
    assert "HOME" not in (tmp_path / "python.env").read_text()


def test_an_error_that_the_server_tells_is_raised(tmp_path: Path) -> None:
    script = r"printf 'error\ta\tb\tc\n' >$ready; exit 1"

    assert failure(settings(tmp_path, script)) == ("b", "c")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("fuse: failed to open /dev/fuse: Permission denied", "chmod 666 /dev/fuse (as root)"),
        ("fuse: device not found, try 'modprobe fuse' first", "modprobe fuse (as root)"),
        ("fuse: failed to exec fusermount: No such file or directory", "apt-get install fuse3"),
        (
            "fuse: mount failed: Operation not permitted",
            "in a container: --device /dev/fuse --cap-add SYS_ADMIN",
        ),
        ("fuse: something else", None),
    ],
)
def test_the_reason_of_libfuse_is_told_with_what_mends_it(tmp_path: Path, said: str, hint: str | None) -> None:
    (tmp_path / "old").mkdir()
    script = rf"""
echo "2030-01-01 INFO noise" >&2; echo "{said}" >&2
printf 'error\tmount\tlibfuse2 refused (1)\t\n' >$ready
"""
    given = settings(tmp_path, script)
    (tmp_path / "run" / "server.log").write_text("fuse: an old line\n")

    assert failure(given) == (f"{said}; libfuse2 refused (1)", hint)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 1", "it said nothing"),
        ("echo 'Traceback' >&2; echo 'ImportError: x' >&2; exit 1", "ImportError: x"),
        ("printf 'ok {' >$ready", "it said nothing"),
    ],
)
def test_a_server_that_dies_is_told_with_its_last_line(tmp_path: Path, script: str, why: str) -> None:
    assert failure(settings(tmp_path, script)) == (
        f"the environment server died: {why}",
        f"see {tmp_path}/run/server.log",
    )


def test_a_server_that_hangs_is_killed_in_time(tmp_path: Path) -> None:
    script = 'sleep 1000 & echo $! >$lock; echo $! >"$0.pid"'
    given = settings(tmp_path, script)
    begin = time.monotonic()

    why, _hint = failure(given, 0.5)

    pid = int((tmp_path / "python.pid").read_text())
    assert why == f"process {pid} does not answer"
    assert time.monotonic() - begin < 5
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        assert select.select([pidfd], [], [], 10)[0], "it lives"
        os.close(pidfd)


def test_a_python_that_is_missing_is_told(tmp_path: Path) -> None:
    given = settings(tmp_path, "")
    os.unlink(given.python)

    assert failure(given) == (f"{given.python}: No such file or directory", None)


def test_a_runtime_directory_that_is_missing_is_told(tmp_path: Path) -> None:
    given = settings(tmp_path, "")
    (tmp_path / "run").rmdir()

    assert failure(given)[0] == "No such file or directory"


def test_a_lock_that_is_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    given = settings(tmp_path, "")
    (tmp_path / "run" / "server.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(MountError):
        start(given)
    assert not (tmp_path / "elsewhere").exists()


def test_a_failed_start_leaves_the_lock_free(tmp_path: Path) -> None:
    given = settings(tmp_path, 'if [ -e "$0.again" ]; then echo "ok {}" >$ready; else exit 1; fi')
    failure(given)
    (tmp_path / "python.again").touch()

    start(given)


def test_a_server_that_holds_the_lock_and_does_not_answer_is_named(tmp_path: Path) -> None:
    given = settings(tmp_path, "")
    script = f"exec 9>{given.lock_path}; flock 9; echo $$ >&9; echo locked; read x"
    with subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"

        assert failure(given, 0.2) == (
            f"process {holder.pid} does not answer",
            f"kill -9 {holder.pid}, then try again",
        )
        holder.kill()
