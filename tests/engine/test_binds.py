from __future__ import annotations

import pytest

from cleanenv.engine.binds import Bind, Cover, binds
from cleanenv.model.mount import Mount

ROOT = Mount("/", "/r", writable=False)


def table(*mounts: tuple[int, int, str, str]) -> str:
    """A mountinfo of (id, parent, mount point as the kernel writes it, type)."""
    return "".join(f"{i} {p} 0:{i} / {point} rw,relatime shared:{i} - {kind} src rw\n" for i, p, point, kind in mounts)


HOST = (
    (27, 1, "/", "ext4"),
    (22, 27, "/proc", "proc"),
    (23, 27, "/sys", "sysfs"),
    (24, 27, "/dev", "devtmpfs"),
    (25, 24, "/dev/shm", "tmpfs"),
    (26, 24, "/dev/pts", "devpts"),
    (28, 27, "/run", "tmpfs"),
    (29, 28, "/run/user/1000", "tmpfs"),
    (30, 27, "/home", "ext4"),
    (31, 27, "/var", "ext4"),
)


def bound(result: tuple[Bind | Cover, ...]) -> list[tuple[str, str]]:
    """The (source, target) of the read-only binds, each of which must be without what is mounted below."""
    found = [item for item in result if isinstance(item, Bind) and not item.writable]
    assert not any(item.recursive for item in found)
    return [(item.source, item.target) for item in found]


def test_writable_mount_is_bound_with_all_that_is_below() -> None:
    mount = Mount("/home", "/home", writable=True)
    assert binds([mount], table(*HOST), data_root="/var/lib/docker") == (
        Bind("/home", "/home", writable=True, recursive=True),
    )


def test_real_file_systems_below_the_root_are_named_and_kernel_and_session_ones_are_not() -> None:
    assert bound(binds([ROOT], table(*HOST), data_root="/var/lib/docker")) == [
        ("/", "/r"),
        ("/home", "/r/home"),
        ("/var", "/r/var"),
    ]


def test_mounts_come_before_those_below_them() -> None:
    rows = ((1, 0, "/", "ext4"), (2, 1, "/a", "ext4"), (3, 2, "/a/b", "ext4"), (4, 1, "/a-b", "ext4"))
    mounts = [Mount("/x", "/r/a/b/c", writable=True), ROOT]
    targets = [item.target for item in binds(mounts, table(*rows), data_root="")]
    assert targets == ["/r", "/r/a", "/r/a/b", "/r/a/b/c", "/r/a-b"]


@pytest.mark.parametrize(
    "kind",
    [
        "autofs",
        "cgroup2",
        "debugfs",
        "fuse",
        "fuse.sshfs",
        "hugetlbfs",
        "nsfs",
        "overlay",
        "proc",
        "sysfs",
        "tracefs",
    ],
)
def test_type_that_no_container_needs_or_can_read_is_left_out(kind: str) -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, "/x", kind))
    assert bound(binds([ROOT], rows, data_root="")) == [("/", "/r")]


@pytest.mark.parametrize("kind", ["9p", "btrfs", "ext4", "fuseblk", "nfs4", "tmpfs", "virtiofs", "xfs", "zfs"])
def test_type_that_holds_files_is_bound(kind: str) -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, "/x", kind))
    assert bound(binds([ROOT], rows, data_root="")) == [("/", "/r"), ("/x", "/r/x")]


@pytest.mark.parametrize("point", ["/dev/x", "/media/me/DISK", "/run/x", "/snap/core/1", "/var/lib/kubelet/pods/1"])
def test_mount_that_vanishes_with_its_directory_is_left_out(point: str) -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, point, "ext4"))
    assert bound(binds([ROOT], rows, data_root="")) == [("/", "/r")]


def test_passing_mount_that_was_asked_for_is_bound_with_those_below_it() -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, "/media/DISK", "ext4"), (3, 2, "/media/DISK/inner", "ext4"))
    disk = Mount("/media/DISK", "/disk", writable=False)
    assert bound(binds([disk], rows, data_root="")) == [
        ("/media/DISK", "/disk"),
        ("/media/DISK/inner", "/disk/inner"),
    ]


def test_data_root_of_the_engine_is_left_out_and_its_neighbour_is_not() -> None:
    rows = table(
        (1, 0, "/", "ext4"),
        (2, 1, "/data/docker", "xfs"),
        (3, 2, "/data/docker/x", "ext4"),
        (4, 1, "/data/docker2", "xfs"),
    )
    assert bound(binds([ROOT], rows, data_root="/data/docker")) == [
        ("/", "/r"),
        ("/data/docker2", "/r/data/docker2"),
    ]


@pytest.mark.parametrize(
    ("written", "point"),
    [
        (r"/with\040space", "/with space"),
        (r"/tab\011and\012newline", "/tab\tand\nnewline"),
        (r"/back\134slash", "/back\\slash"),
        (r"/no\134040space", r"/no\040space"),
        (r"/hash\043", "/hash#"),
        ("/ünï-:,\"'", "/ünï-:,\"'"),
    ],
)
def test_names_are_read_as_the_kernel_escapes_them(written: str, point: str) -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, written, "ext4"))
    assert bound(binds([ROOT], rows, data_root="")) == [("/", "/r"), (point, f"/r{point}")]


def test_name_that_is_no_utf_8_is_left_out() -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, "/\udcff", "ext4"))
    assert bound(binds([ROOT], rows, data_root="")) == [("/", "/r")]


def test_mount_hidden_by_another_is_left_out() -> None:
    rows = table(
        (1, 0, "/", "ext4"),
        (2, 1, "/a", "ext4"),
        (3, 2, "/a/hidden", "ext4"),
        (4, 2, "/a", "ext4"),
        (5, 4, "/a/seen", "ext4"),
    )
    assert bound(binds([ROOT], rows, data_root="")) == [("/", "/r"), ("/a", "/r/a"), ("/a/seen", "/r/a/seen")]


def test_of_two_mounts_on_one_directory_the_upper_one_decides() -> None:
    automounted = table((1, 0, "/", "ext4"), (2, 1, "/home/me", "autofs"), (3, 2, "/home/me", "nfs4"))
    assert bound(binds([ROOT], automounted, data_root="")) == [("/", "/r"), ("/home/me", "/r/home/me")]


def test_root_on_top_of_the_initial_root_is_the_root() -> None:
    rows = table((1, 1, "/", "rootfs"), (2, 1, "/", "ext4"), (3, 2, "/home", "ext4"), (4, 1, "/home", "ext4"))
    assert bound(binds([ROOT], rows, data_root="")) == [("/", "/r"), ("/home", "/r/home")]


def test_what_is_left_out_is_covered_where_something_inside_is_bound() -> None:
    rows = table(
        (1, 0, "/", "ext4"),
        (2, 1, "/home", "autofs"),
        (3, 2, "/home/me", "nfs4"),
        (4, 3, "/home/me/.remote", "fuse.sshfs"),
        (5, 1, "/net", "autofs"),
    )
    assert binds([ROOT], rows, data_root="") == (
        Bind("/", "/r", writable=False, recursive=False),
        Cover("/r/home"),
        Bind("/home/me", "/r/home/me", writable=False, recursive=False),
    )


def test_mount_at_the_place_of_another_mount_gives_way() -> None:
    mounts = [ROOT, Mount("/home/me/project", "/r/home/me", writable=True)]
    rows = table((1, 0, "/", "ext4"), (2, 1, "/home", "ext4"), (3, 2, "/home/me", "ext4"), (4, 3, "/home/me/x", "ext4"))
    assert bound(binds(mounts, rows, data_root="")) == [("/", "/r"), ("/home", "/r/home")]


def test_what_another_mount_shows_under_its_own_name_is_not_shown_twice() -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, "/tmp", "tmpfs"), (3, 2, "/tmp/build", "tmpfs"))
    assert bound(binds([ROOT, Mount("/tmp", "/tmp", writable=True)], rows, data_root="")) == [("/", "/r")]


def test_mount_above_the_place_of_a_mount_does_not_hide_what_is_below() -> None:
    mounts = [Mount("/data", "/r/data", writable=False), Mount("/srv", "/r", writable=True)]
    rows = table((1, 0, "/", "ext4"), (2, 1, "/data", "ext4"), (3, 2, "/data/x", "ext4"))
    assert bound(binds(mounts, rows, data_root="")) == [("/data", "/r/data"), ("/data/x", "/r/data/x")]


def test_links_in_the_host_path_are_followed_to_find_what_is_below() -> None:
    rows = table((1, 0, "/", "ext4"), (2, 1, "/disk", "ext4"), (3, 2, "/disk/x", "ext4"))
    mount = Mount("/link", "/data", writable=False)
    resolve = {"/link": "/disk"}.__getitem__
    assert bound(binds([mount], rows, data_root="", resolve=resolve)) == [
        ("/link", "/data"),
        ("/disk/x", "/data/x"),
    ]


def test_in_a_user_namespace_read_only_binds_are_recursive_and_each_one_below_is_bound_over() -> None:
    assert binds([ROOT], table(*HOST), data_root="/home/me/.local/share/docker", rootless=True) == (
        Bind("/", "/r", writable=False, recursive=True),
        Bind("/home", "/r/home", writable=False, recursive=True),
        Bind("/var", "/r/var", writable=False, recursive=True),
    )


def test_mount_table_that_says_nothing_leaves_the_mount_alone() -> None:
    assert bound(binds([ROOT], "", data_root="")) == [("/", "/r")]


def covered(hidden: str, *mounts: Mount) -> list[str]:
    found = binds(mounts, table(*HOST), data_root="/var/lib/docker", hidden=hidden)
    return [item.target for item in found if isinstance(item, Cover)]


def test_what_is_hidden_is_covered_in_every_mount_that_shows_it() -> None:
    tmp = Mount("/tmp", "/tmp", writable=True)
    assert covered("/tmp/cleanenv-1000", ROOT, tmp) == ["/r/tmp/cleanenv-1000", "/tmp/cleanenv-1000"]
    assert covered("/home/a/run", ROOT, tmp) == ["/r/home/a/run"]
    assert covered("/home/a/run", Mount("/home/a/run", "/x", writable=True)) == ["/x"]


def test_what_no_mount_shows_needs_no_cover() -> None:
    assert covered("/run/user/1000/cleanenv", ROOT) == []
    assert covered("/tmp/cleanenv-1000", Mount("/home", "/h", writable=True)) == []
    over = Mount("/home", "/r/tmp", writable=True)
    assert covered("/tmp/cleanenv-1000", ROOT, over) == []


def test_a_writable_mount_shows_what_is_mounted_below_it() -> None:
    assert covered("/run/user/1000/cleanenv", Mount("/run", "/run", writable=True)) == ["/run/user/1000/cleanenv"]
