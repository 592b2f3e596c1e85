"""The live directory as programs see it."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cleanenv.mounts import MountState
from cleanenv.server.settings import ServedFile
from integration.fuse.harness import LiveEnvironment, command
from tests.server.fake_agent import FakeAgent

NOBODY = 65534

MakeEnvironment = Callable[..., LiveEnvironment]


def run(program: str, *arguments: str, user: int | None = None) -> list[str]:
    """The lines that a program prints, as another user if one is given."""
    done = subprocess.run(command(program, *arguments), stdout=-1, check=True, user=user, group=user)
    return os.fsdecode(done.stdout).splitlines()


def error_of(action: Callable[[], object]) -> int | None:
    try:
        action()
    except OSError as error:
        return error.errno
    return None


def test_a_program_is_the_launcher_of_this_environment(env: LiveEnvironment, probe: Path) -> None:
    program = env.program("a")

    assert run(program, "x y", "") == [program, str(env.run), program, "x y", ""]
    assert Path(program).read_bytes() == probe.read_bytes().replace(
        b"@CLEANENV-RUNTIME@".ljust(128, b"\0"), str(env.run).encode().ljust(128, b"\0")
    )


def test_a_program_looks_like_a_file_of_its_owner(env: LiveEnvironment, probe: Path) -> None:
    status = os.stat(env.program("a"))

    assert status.st_mode == stat.S_IFREG | 0o755
    assert (status.st_uid, status.st_gid, status.st_nlink) == (os.getuid(), os.getgid(), 1)
    assert (status.st_size, status.st_mtime_ns) == (probe.stat().st_size, 10**18 + 7)
    assert status.st_blocks * 512 >= status.st_size
    assert os.access(env.program("a"), os.X_OK)


def test_listing_stat_and_lookup_agree(env: LiveEnvironment) -> None:
    entries = {entry.name: entry for entry in os.scandir(env.bin)}

    assert sorted(entries) == ["a", "activate", "cc", "destroy", "inenv"]
    for name, entry in entries.items():
        status = os.lstat(env.bin / name)
        assert entry.inode() == status.st_ino
        assert entry.is_file()
        with open(env.bin / name, "rb") as file:
            assert os.fstat(file.fileno()).st_ino == status.st_ino
            assert len(file.read()) == status.st_size
    assert len({entry.inode() for entry in entries.values()} | {os.lstat(env.bin).st_ino}) == 6


def test_static_files_are_served_as_given(env: LiveEnvironment) -> None:
    assert (env.bin / "activate").read_text() == "# activate\n"
    assert stat.S_IMODE(os.stat(env.bin / "activate").st_mode) == 0o644
    assert run(env.program("destroy")) == ["destroyed"]
    assert run(env.program("inenv"))[0] == env.program("inenv")


def becomes(expected: object, look: Callable[[], object]) -> bool:
    """Whether it is so before the kernel's memory of a name ends by itself."""
    deadline = time.monotonic() + 0.8
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.001)
    return seen == expected


def test_what_is_installed_in_the_container_shows_at_once(env: LiveEnvironment) -> None:
    assert error_of(lambda: os.stat(env.program("new"))) == errno.ENOENT

    env.agent.install("/opt/new", 5)

    assert run(env.program("new"))[0] == env.program("new")
    assert env.names() == ["a", "cc", "new"]


def test_what_is_removed_or_changed_in_the_container_is_forgotten_by_the_kernel(env: LiveEnvironment) -> None:
    os.stat(env.program("a"))
    os.stat(env.program("cc"))

    env.agent.remove("/opt/a")
    env.agent.install("/usr/bin/gcc", 77)

    assert env.names() == ["cc"]
    assert becomes(errno.ENOENT, lambda: error_of(lambda: os.stat(env.program("a"))))
    assert subprocess.run(command(env.program("a")), stderr=-1, check=False).returncode == 127
    assert becomes(77, lambda: os.stat(env.program("cc")).st_mtime_ns)


def test_without_a_watch_the_kernel_remembers_a_name_only_for_a_second(make: MakeEnvironment) -> None:
    env = make()
    answer = env.agent.answer
    env.agent.reply = lambda kind, texts: (b"", []) if kind == 6 else answer(kind, texts)
    env.start()
    os.stat(env.program("a"))

    env.agent.remove("/opt/a")

    deadline = time.monotonic() + 3
    while error_of(lambda: os.stat(env.program("a"))) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert env.names() == ["cc"]


def test_a_link_shows_and_goes_at_once(env: LiveEnvironment) -> None:
    env.reload("gcc:/usr/bin/gcc")

    assert env.names() == ["gcc"]
    assert error_of(lambda: os.stat(env.program("cc"))) == errno.ENOENT
    assert os.stat(env.program("gcc")).st_mtime_ns == 2


def test_a_static_file_of_the_same_size_changes_at_once(env: LiveEnvironment) -> None:
    before = os.stat(env.program("activate"))
    assert (env.bin / "activate").read_text() == "# activate\n"

    env.reload("/opt/*", files=(ServedFile("activate", b"# ACTIVATE\n", 0o644),))

    assert (env.bin / "activate").read_text() == "# ACTIVATE\n"
    after = os.stat(env.program("activate"))
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert after.st_mtime_ns > before.st_mtime_ns
    assert "destroy" not in os.listdir(env.bin)


def test_with_the_container_down_the_last_listing_shows_and_runs(env: LiveEnvironment) -> None:
    env.names()
    env.agent.stop()

    assert env.names() == ["a", "cc"]
    assert run(env.program("a"))[0] == env.program("a")
    assert error_of(lambda: os.stat(env.program("b"))) == errno.ENOENT


def test_the_last_listing_outlives_the_server(env: LiveEnvironment) -> None:
    env.names()
    env.agent.stop()
    first = env.status()["pid"]
    env.exit()

    assert env.start() != first
    assert env.names() == ["a", "cc"]


def test_an_agent_that_comes_back_is_asked(env: LiveEnvironment) -> None:
    env.agent.stop()
    assert env.names() == ["a", "cc"]

    with FakeAgent(str(env.run / "agent" / "agent.sock"), {"/opt/b": 1}):
        assert env.names() == ["b"]


def test_a_silent_agent_delays_the_directory_only_briefly(env: LiveEnvironment) -> None:
    env.names()
    env.agent.reply = lambda _kind, _texts: None
    begin = time.monotonic()

    for _ in range(20):
        os.stat(env.program("a"))
        assert env.names() == ["a", "cc"]

    assert 0.4 < time.monotonic() - begin < 5


@pytest.mark.parametrize(
    "name",
    ["n" * 255, "a b", "ä→", "a\nb", "a:b,c", "\\x\\", "'\"`$(x)", "-rf", "[", "*", "\udcff\udcfe", "%s"],
)
def test_every_name_of_a_file_can_be_a_program(env: LiveEnvironment, name: str) -> None:
    env.agent.files = {f"/opt/{name}": 1}

    assert env.names() == [name]
    assert os.stat(env.program(name)).st_mtime_ns == 1
    assert "\n".join(run(env.program(name))).startswith(env.program(name))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (b"missing", errno.ENOENT),
        (b"\xff", errno.ENOENT),
        (b"n" * 255, errno.ENOENT),
        (b"n" * 256, errno.ENAMETOOLONG),
        (b"n" * 2000, errno.ENAMETOOLONG),
        (b"a/b", errno.ENOTDIR),
        (b"missing/b", errno.ENOENT),
    ],
)
def test_a_name_that_is_not_there_fails_as_on_a_disk(env: LiveEnvironment, name: bytes, number: int) -> None:
    path = os.fsencode(env.bin) + b"/" + name

    assert error_of(lambda: os.stat(path)) == number
    status = subprocess.run(command(os.fsdecode(path)), stderr=-1, check=False).returncode
    assert status in (126, 127)
    assert env.log.count("Traceback") == 0


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "ä→",
        "a:b",
        "a,b",
        "a,user=root",
        "a\nb\tc",
        "a\\040b",
        "-o",
        "#x",
        "'\"$x",
        "\udcff",
        "n" * 200,
    ],
)
def test_every_path_can_be_an_environment(make: MakeEnvironment, name: str) -> None:
    env = make(name)
    env.start()

    assert env.state() is MountState.LIVE
    assert env.names() == ["a", "cc"]
    assert run(env.program("a"))[-1].endswith("/bin/a")
    assert env.exit() == {"busy": False}
    assert env.state() is MountState.ABSENT
    assert (env.bin / "activate").read_text() == "# beneath\n"


def test_an_environment_is_found_by_a_symbolic_link(make: MakeEnvironment, directory: Path) -> None:
    env = make()
    (directory / "link").symlink_to("env")
    env.settings = type(env.settings).from_object({**env.settings.to_object(), "environment": str(directory / "link")})
    pid = env.start()

    assert env.start() == pid
    assert env.names() == ["a", "cc"]
    assert env.exit() == {"busy": False}
    assert env.state() is MountState.ABSENT


def test_every_write_is_refused_as_on_a_read_only_disk(env: LiveEnvironment) -> None:
    program, new = env.program("a"), env.program("new")
    writes: dict[str, Callable[[], object]] = {
        "open": lambda: os.open(program, os.O_WRONLY),
        "open both": lambda: os.open(program, os.O_RDWR),
        "truncate": lambda: os.truncate(program, 0),
        "create": lambda: os.open(new, os.O_WRONLY | os.O_CREAT),
        "unlink": lambda: os.unlink(program),
        "rename": lambda: os.rename(program, new),
        "mkdir": lambda: os.mkdir(new),
        "symlink": lambda: os.symlink("x", new),
        "link": lambda: os.link(program, new),
        "mkfifo": lambda: os.mkfifo(new),
        "chmod": lambda: os.chmod(program, 0o644),
        "chown": lambda: os.chown(program, 1, 1),
        "utime": lambda: os.utime(program),
        "setxattr": lambda: os.setxattr(program, "user.x", b"y"),
        "rmdir": lambda: os.rmdir(env.bin / "a"),
    }

    assert {name: error_of(write) for name, write in writes.items()} == {
        **dict.fromkeys(writes, errno.EROFS),
        "rmdir": errno.EROFS,
    }


def test_reads_stay_within_the_file(env: LiveEnvironment) -> None:
    with open(env.bin / "activate", "rb", buffering=0) as file:
        assert os.pread(file.fileno(), 100, 2) == b"activate\n"
        assert os.pread(file.fileno(), 100, 11) == b""
        assert os.pread(file.fileno(), 100, 1 << 40) == b""


def test_a_foreign_user_may_not_even_look(env: LiveEnvironment) -> None:
    script = 'for p in "$0" "$0/a" "$0/activate"; do cat "$p" 2>&1; ls -d "$p/" 2>&1; done; "$0/a"; echo $?'

    said = run("/bin/sh", "-c", script, str(env.bin), user=NOBODY)

    assert said[-1] == "126"
    assert all("Permission denied" in line for line in said[:-1])
    assert len(said) == 7


def test_the_kernel_keeps_set_user_id_and_devices_out(env: LiveEnvironment) -> None:
    flags = os.statvfs(env.bin).f_flag

    assert flags & (os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV) == os.ST_RDONLY | os.ST_NOSUID | os.ST_NODEV
    assert os.statvfs(env.bin).f_namemax == 255


def test_a_program_that_runs_survives_its_removal_and_its_change(env: LiveEnvironment) -> None:
    with subprocess.Popen(command(env.program("a"), "wait"), stdin=-1, stdout=-1) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        env.agent.install("/opt/a", 1)
        assert becomes(1, lambda: os.stat(env.program("a")).st_mtime_ns)
        Path(env.program("a")).read_bytes()
        env.agent.remove("/opt/a")
        assert becomes(errno.ENOENT, lambda: error_of(lambda: os.stat(env.program("a"))))

        process.communicate()

    assert process.returncode == 0


def test_many_processes_look_and_run_at_the_same_time(env: LiveEnvironment) -> None:
    script = 'i=0; while [ $i -lt 20 ]; do "$0/a" >/dev/null && ls "$0" >/dev/null || exit 1; i=$((i+1)); done'

    processes = [subprocess.Popen(["/bin/sh", "-c", script, str(env.bin)]) for _ in range(8)]

    assert [process.wait(60) for process in processes] == [0] * 8
