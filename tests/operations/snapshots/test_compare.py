"""What differs between two snapshots."""

from __future__ import annotations

from tests.operations.harness import Bench
from tests.operations.snapshots.conftest import USERS_OWN


def test_difference_of_two_snapshots_has_sizes(bench: Bench) -> None:
    bench.write("/etc/gone", b"1")
    bench.write("/etc/same", b"1")
    bench.write("/etc/changed", b"22")
    bench.take()
    bench.engine.unlink(bench.container.id, "/etc/gone")
    bench.write("/etc/changed", b"333")
    bench.write("/etc/new", b"4444")
    bench.take()
    files = [(each.path, each.before, each.after) for each in bench.compare("1", "2").files]
    assert files == [("/etc/changed", 2, 3), ("/etc/gone", 1, None), ("/etc/new", None, 4)]
    assert bench.compare("2").files == ()
    bench.write("/etc/new", b"4445")
    assert [each.path for each in bench.compare("2").files] == ["/etc/new"]


def test_packages_come_go_and_change(bench: Bench) -> None:
    bench.write(
        "/var/lib/dpkg/status",
        b"Package: hello\nStatus: install ok installed\nVersion: 2.10-3\n\n"
        b"Package: removed\nStatus: deinstall ok config-files\nVersion: 1\n",
    )
    bench.write(f"{USERS_OWN}/.local/lib/python3.11/site-packages/My_Tool-1.0.dist-info/METADATA", b"x")
    bench.write("/usr/lib/python3/dist-packages/old-2.0.egg-info", b"x")
    bench.write("/opt/venv/lib/python3.11/site-packages/old-3.0.dist-info/METADATA", b"x")
    packages = [(each.manager, each.name, each.directory, each.after) for each in bench.compare("0").packages]
    assert packages == [
        ("deb", "hello", "", "2.10-3"),
        ("pip", "my-tool", f"{USERS_OWN}/.local/lib/python3.11/site-packages", "1.0"),
        ("pip", "old", "/opt/venv/lib/python3.11/site-packages", "3.0"),
        ("pip", "old", "/usr/lib/python3/dist-packages", "2.0"),
    ]
