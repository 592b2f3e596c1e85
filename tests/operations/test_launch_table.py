"""The launch table, read back as native/table/table.h says."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from cleanenv.launch_table import dump_host_table, dump_launch_table
from cleanenv.model.host_link import HostLink
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Operands, Profile, Text
from cleanenv.model.snapshot_rule import SnapshotRule

NAME, GLOB, EXECUTE, HOOK, SESSION = range(1, 6)
OWN = [("inenv", "", EXECUTE), (".hook", "", HOOK), (".session", "/python", SESSION)]
DENIED, ALLOWED = 1, 2


@dataclass(frozen=True)
class Table:
    environment: str
    home: str
    mounts: list[tuple[str, str, int]]
    links: list[tuple[str, str, int]]
    variables: list[tuple[str, int]]
    programs: list[tuple[str | int, ...]]
    snapshots: list[tuple[str, int]] = field(default_factory=list)
    direction: int = 0


def read(data: bytes) -> Table:
    """Read a table with nothing but its header's word for where things are."""
    magic, version, size, environment, home, *arrays, direction = struct.unpack_from("=16I", data)
    mounts, mount_count, links, link_count, variables, variable_count, programs, program_count = arrays[:8]
    snapshots, snapshot_count = arrays[8:]
    assert (magic, version, size) == (0x74766C63, 5, len(data))
    assert data.endswith(b"\0")

    def string(offset: int) -> str:
        assert 64 <= offset < size
        return os.fsdecode(data[offset : data.index(b"\0", offset)])

    def records(offset: int, count: int, fields: int = 3) -> list[tuple[int, ...]]:
        assert offset % 4 == 0
        assert 64 <= offset <= offset + 4 * fields * count <= size
        return [struct.unpack_from(f"={fields}I", data, offset + 4 * fields * index) for index in range(count)]

    def program(record: tuple[int, ...]) -> tuple[str | int, ...]:
        # native/table/table.h, struct table_program: which of them are strings.
        return tuple(string(value) if index in (0, 2, 3, 4, 6, 7, 9) else value for index, value in enumerate(record))

    return Table(
        string(environment),
        string(home),
        [(string(host), string(container), writable) for host, container, writable in records(mounts, mount_count)],
        [(string(name), string(path), kind) for name, path, kind in records(links, link_count)],
        [(string(name), kind) for name, kind in records(variables, variable_count, 2)],
        [program(record) for record in records(programs, program_count, 12)],
        [(string(name), always) for name, always in records(snapshots, snapshot_count, 2)],
        direction,
    )


def test_table_holds_the_environment_its_mounts_and_its_links() -> None:
    data = dump_launch_table(
        "/envs/a",
        "/home/ann",
        [Mount("/", "/r", writable=False), Mount("/p", "/p", writable=True)],
        [Link(None, "/opt/*/bin/g*"), Link("cc", "/usr/bin/gcc"), Link(None, "~/.local/bin/*")],
        python="/python",
    )
    assert read(data) == Table(
        "/envs/a",
        "/home/ann",
        [("/", "/r", 0), ("/p", "/p", 1)],
        # The launcher takes the first that fits: names before patterns.
        [
            *OWN,
            ("cc", "/usr/bin/gcc", NAME),
            ("g*", "/opt/*/bin", GLOB),
            ("*", "~/.local/bin", GLOB),
        ],
        [],
        [],
    )


def test_table_holds_the_options_of_programs() -> None:
    silent = Profile(("true",))
    telling = Profile(
        ("sed", "*-sed"),
        operands=Operands.KEEP_FIRST,
        script_options=("-e", "-f"),
        map_options=("-f", "--file"),
        keep_options=("-e",),
        stop_after_operand=0,
        stop_words=("run", "exec"),
        map_words=("cp",),
        follow=False,
        follow_unless=("-n",),
        response_files=True,
        text=Text.BOTH,
    )
    options = (2, "-e -f", "-f --file", "-e", 0, "run exec", "cp", 0, "-n", 1, 3)
    assert read(dump_launch_table("/e", "/h", [], [], python="/python", profiles=[telling, silent])).programs == [
        ("sed", *options),
        ("*-sed", *options),
        ("true", 0, "", "", "", 0xFFFFFFFF, "", "", 1, "", 0, 0),
    ]


def test_table_holds_the_rules_about_variables() -> None:
    data = dump_launch_table(
        "/e", "/h", [], [], python="/python", denied_variables=["A", "B_*"], allowed_variables=["*"]
    )
    assert read(data).variables == [("A", DENIED), ("B_*", DENIED), ("*", ALLOWED)]


def test_empty_table_is_one() -> None:
    assert read(dump_launch_table("/e", "/h", [], [], python="/python")) == Table("/e", "/h", [], OWN, [], [])


def test_string_that_comes_twice_is_stored_once() -> None:
    data = dump_launch_table("/same", "/same", [Mount("/same", "/same", writable=True)], [], python="/python")
    assert data.count(b"/same\0") == 1


paths = st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("\udc80\udcff")).map(
    "/{}".format
)


@given(paths, st.lists(st.tuples(paths, paths, st.booleans())), st.lists(st.tuples(paths, paths)))
def test_any_bytes_of_a_path_survive(
    environment: str, mounts: list[tuple[str, str, bool]], links: list[tuple[str, str]]
) -> None:
    data = dump_launch_table(
        environment,
        "/home",
        [Mount(host, container, writable=writable) for host, container, writable in mounts],
        [Link(name, path) for name, path in links],
        python="/python",
    )
    table = read(data)
    assert table.environment == environment
    assert table.mounts == mounts
    assert table.links == [*OWN, *((name, path, NAME) for name, path in links)]


def test_table_for_the_way_out_has_nothing_but_the_links() -> None:
    """No `inenv`, which would run anything."""
    mounts = (Mount("/", "/r", writable=False),)
    profiles = (Profile(("ssh",), stop_after_operand=1),)
    table = read(dump_host_table("/.cleanenv/host", mounts, (HostLink("git", "/usr/bin/git"),), profiles=profiles))
    assert (table.direction, table.environment) == (1, "/.cleanenv/host")
    assert table.links == [("git", "/usr/bin/git", NAME)]
    assert table.mounts == [("/", "/r", 0)]
    assert [program[0] for program in table.programs] == ["ssh"]


def test_program_is_in_the_table_once_whatever_its_snapshot_rules() -> None:
    rules = [
        SnapshotRule("pip", "install"),
        SnapshotRule("gem", "install"),
        SnapshotRule("pip", "remove", "removed-{id}", always=True),
    ]
    table = read(dump_launch_table("/e", "/h", [], [], python="/python", snapshot_rules=rules))
    assert table.snapshots == [("pip", 1), ("gem", 0)]
