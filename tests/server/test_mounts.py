"""What is read from the kernel about mounts; mounts themselves are for integration/fuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanenv import mounts
from cleanenv.mounts import MountEntry, MountState, parse_mountinfo


def line(point: bytes, kind: bytes = b"fuse.cleanenv", options: bytes = b"") -> bytes:
    return b"36 35 0:45 / " + point + b" rw,nosuid" + options + b" - " + kind + b" cleanenv ro,user_id=0\n"


def test_each_mount_is_an_entry() -> None:
    data = line(b"/a") + line(b"/b", b"ext4", b" master:1 shared:2")

    assert list(parse_mountinfo(data)) == [
        MountEntry("/a", "0:45", "fuse.cleanenv", 0),
        MountEntry("/b", "0:45", "ext4", 0),
    ]


@pytest.mark.parametrize(
    ("options", "owner"),
    [(b"rw,user_id=1000,group_id=7", 1000), (b"user_id=5", 5), (b"rw", None), (b"rw,xuser_id=5", None)],
)
def test_who_may_use_a_mount_is_told(options: bytes, owner: int | None) -> None:
    (entry,) = parse_mountinfo(b"36 35 0:45 / /a rw - fuse.cleanenv cleanenv " + options + b"\n")
    assert entry.owner == owner


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (rb"/a\040b\011c\012d\134e", "/a b\tc\nd\\e"),
        (rb"/a\134040b", "/a\\040b"),
        (b"/\xc3\xa4\xff", "/ä\udcff"),
        (b"/a\rb\x0bc", "/a\rb\x0bc"),
        (b"/a#b:c,d-e", "/a#b:c,d-e"),
    ],
)
def test_escapes_are_undone(written: bytes, path: str) -> None:
    assert [entry.mount_point for entry in parse_mountinfo(line(written))] == [path]


@pytest.mark.parametrize("data", [b"", b"\n", b"nonsense\n", b"1 2 3 - fuse x y\n", b"36 35 0:45 / /a rw\n"])
def test_lines_that_are_none_are_passed_over(data: bytes) -> None:
    assert list(parse_mountinfo(data)) == []


def fake_mountinfo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *lines: bytes) -> None:
    file = tmp_path / "mountinfo"
    file.write_bytes(b"".join(lines))
    monkeypatch.setattr(mounts, "_MOUNTINFO", str(file))


def test_only_live_directories_at_that_point_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_mountinfo(monkeypatch, tmp_path, line(b"/a"), line(b"/a", b"ext4"), line(b"/a/b"))

    assert mounts.entries("/a") == (MountEntry("/a", "0:45", "fuse.cleanenv", 0),)
    assert len(mounts.live_directories()) == 2


def test_a_mount_point_is_found_by_any_path_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "link").symlink_to("env")
    fake_mountinfo(monkeypatch, tmp_path, line(str(tmp_path / "env" / "bin").encode()))

    for path in ("env/bin", "env//bin/", "env/../env/bin", "link/bin"):
        assert len(mounts.entries(f"{tmp_path}/{path}")) == 1


def test_where_nothing_is_mounted_nothing_is_asked(tmp_path: Path) -> None:
    assert mounts.state(str(tmp_path)) is MountState.ABSENT
    assert mounts.state(str(tmp_path / "missing" / "bin")) is MountState.ABSENT
    mounts.unmount(str(tmp_path))


def test_a_directory_that_answers_is_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_mountinfo(monkeypatch, tmp_path, line(str(tmp_path).encode()))

    assert mounts.state(str(tmp_path)) is MountState.LIVE
