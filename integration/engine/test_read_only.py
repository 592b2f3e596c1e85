"""Read-only means read-only: for the container's root, in every file system, and in later ones too."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cleanenv.model.mount import Mount
from integration.engine.conftest import Run, docker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cleanenv.engine.port import Engine
    from cleanenv.model.container import ContainerSpec

ROOT = Mount("/", "/r", writable=False)

# Tries to write wherever something is mounted below /r, and says where it could.
WRITE_EVERYWHERE = r"""
sed -n 's|^[0-9]* [0-9]* [^ ]* [^ ]* \(/r[^ ]*\) .*|\1|p' /proc/self/mountinfo >/points
while IFS= read -r point; do
    directory=$(printf '%b' "$(printf %s "$point" | sed 's|\\\([0-7]\{3\}\)|\\0\1|g')")
    if touch "$directory/written" 2>/dev/null; then echo "WRITTEN $directory"; else echo "$directory"; fi
done </points
"""


class HostMounts:
    """File systems in memory mounted on the host for one test."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._stack = ExitStack()

    def tmpfs(self, name: str) -> Path:
        """Mount one at base/name with the file `here` in it."""
        point = self.base / name
        point.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "cleanenv-test", point], check=True)
        self._stack.callback(_unmount, point)
        (point / "here").touch()
        return point

    def overlay(self, name: str) -> Path:
        """Mount one of a type that is left out of read-only mounts, like an automounter's."""
        point = self.base / name
        layers = [self.base / f"{name}-{layer}" for layer in ("lower", "upper", "work")]
        for directory in (point, *layers):
            directory.mkdir(parents=True)
        lower, upper, work = layers
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "cleanenv-test", "-o", options, point], check=True)
        self._stack.callback(_unmount, point)
        return point

    def close(self) -> None:
        self._stack.close()


def _unmount(point: Path) -> None:
    subprocess.run(["umount", "--lazy", point], check=True)


@pytest.fixture
def host_mounts(tmp_path: Path) -> Iterator[HostMounts]:
    if os.geteuid() != 0:
        pytest.skip("mounting on the host needs root")
    mounts = HostMounts(tmp_path / "mounts")
    yield mounts
    mounts.close()


def test_nothing_below_the_root_mount_can_be_written_by_root(run: Run, host_mounts: HostMounts) -> None:
    points = [
        host_mounts.tmpfs("plain"),
        host_mounts.tmpfs("plain/inside/another"),
        host_mounts.tmpfs("with spaces"),
        host_mounts.tmpfs("with:colon,comma"),
        host_mounts.tmpfs("ünïcödé"),
    ]
    lines = run(WRITE_EVERYWHERE, ROOT).splitlines()
    assert "/r" in lines
    assert [line for line in lines if line.startswith("WRITTEN")] == []
    assert {f"/r{point}" for point in points} <= set(lines)
    assert not [point for point in points if (point / "written").exists()]


def test_files_of_every_file_system_can_be_read(run: Run, host_mounts: HostMounts) -> None:
    point = host_mounts.tmpfs("data")
    (point / "here").write_text("from the host\n")
    assert run(f"cat /r{point}/here", ROOT) == "from the host\n"


def test_file_system_in_one_that_is_left_out_is_there_and_read_only(run: Run, host_mounts: HostMounts) -> None:
    outer = host_mounts.overlay("auto")
    (outer / "left out").touch()
    inner = host_mounts.tmpfs("auto/homes/me")
    lines = run(f"{WRITE_EVERYWHERE}\nls /r{outer} /r{inner}; touch /r{outer}/homes/x", ROOT).splitlines()
    assert [line for line in lines if line.startswith("WRITTEN")] == []
    assert {f"/r{outer}", f"/r{inner}", "homes", "here"} <= set(lines)
    assert "left out" not in lines
    assert f"touch: /r{outer}/homes/x: Read-only file system" in lines


def test_kernel_interfaces_of_the_host_are_not_there(run: Run) -> None:
    own = set(os.listdir("/dev"))
    seen = run("ls /r/proc /r/sys; ls /r/dev/pts /r/dev/shm; ls /r/dev", ROOT).split()
    assert "kernel" not in seen
    assert "self" not in seen
    assert not {"kmsg", "mem", "vda", "sda", "fuse"} & own & set(seen)


def test_file_system_that_the_host_mounts_later_cannot_be_written(
    engine: Engine, spec: ContainerSpec, host_mounts: HostMounts
) -> None:
    # Shared, as everything is under systemd: a later mount would spread to a bind that listens.
    base = host_mounts.tmpfs("shared")
    subprocess.run(["mount", "--make-shared", base], check=True)
    engine_spec = with_mounts(spec, Mount(str(base), "/data", writable=False))
    container = engine.create_container(engine_spec)
    engine.start_container(container.id)
    later = host_mounts.tmpfs("shared/later")
    tried = subprocess.run(
        ["docker", "exec", container.id, "touch", "/data/later/x"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Read-only file system" in tried.stderr
    assert os.listdir(later) == ["here"]


def test_bind_of_the_root_does_not_listen_to_the_hosts_mounts(engine: Engine, spec: ContainerSpec) -> None:
    container = engine.create_container(with_mounts(spec, ROOT))
    template = '{{range .Mounts}}{{if eq .Destination "/r"}}{{.Source}} {{.Propagation}} {{.RW}}{{end}}{{end}}'
    assert docker("inspect", "--format", template, container.id) == "/ rprivate false"


def test_writable_mount_inside_a_read_only_one_is_writable(run: Run, host_mounts: HostMounts) -> None:
    project = host_mounts.tmpfs("project")
    deeper = host_mounts.tmpfs("project/deeper")
    output = run(
        f"touch /r{project}/a /r{deeper}/b /r{host_mounts.base}/c",
        ROOT,
        Mount(str(project), f"/r{project}", writable=True),
    )
    assert output == f"touch: /r{host_mounts.base}/c: Read-only file system\n"
    assert sorted(os.listdir(project)) == ["a", "deeper", "here"]
    assert sorted(os.listdir(deeper)) == ["b", "here"]


def test_read_only_mount_through_a_link_shows_what_is_mounted_below(run: Run, host_mounts: HostMounts) -> None:
    host_mounts.tmpfs("real/deeper")
    link = host_mounts.base / "link"
    link.symlink_to(host_mounts.base / "real")
    output = run("ls /data/deeper; touch /data/deeper/x", Mount(str(link), "/data", writable=False))
    assert output == "here\ntouch: /data/deeper/x: Read-only file system\n"


def test_file_is_mounted_read_only(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text("content\n")
    output = run("cat '/the file'; touch '/the file'", Mount(str(file), "/the file", writable=False))
    assert output == "content\ntouch: /the file: Read-only file system\n"


def with_mounts(spec: ContainerSpec, *mounts: Mount) -> ContainerSpec:
    return replace(spec, mounts=mounts)
