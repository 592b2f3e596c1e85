"""The live directory's content, without a kernel."""

from __future__ import annotations

import stat

import pytest

from cleanenv_fuse.tree import BinDirectory, Node, Program, StaticFile

LAUNCHER = b"\x7fELF" + bytes(range(256))


class FakeCatalog:
    def __init__(self, *programs: Program) -> None:
        self.by_name = {program.name: program for program in programs}
        self.asked: list[str] = []

    def find(self, name: str) -> Program | None:
        self.asked.append(name)
        return self.by_name.get(name)

    def programs(self) -> tuple[Program, ...]:
        return tuple(self.by_name.values())


def make_directory(catalog: FakeCatalog, **files: bytes) -> BinDirectory:
    return BinDirectory(
        files={name: StaticFile(content, 0o644, 7) for name, content in files.items()},
        launcher=LAUNCHER,
        catalog=catalog,
        uid=1000,
        gid=100,
        mtime_ns=5,
    )


def test_a_program_is_the_launcher_with_the_time_of_its_file_in_the_container() -> None:
    directory = make_directory(FakeCatalog(Program("gcc", "/usr/bin/gcc", 123)))

    assert directory.find("gcc") == Node(2, stat.S_IFREG | 0o755, 1, 1000, 100, len(LAUNCHER), 123)
    assert directory.read("gcc", 10_000, 0) == LAUNCHER


def test_a_static_file_has_its_own_content_mode_and_time() -> None:
    directory = make_directory(FakeCatalog(), activate=b"# hello")

    assert directory.find("activate") == Node(2, stat.S_IFREG | 0o644, 1, 1000, 100, 7, 7)
    assert directory.read("activate", 100, 2) == b"hello"


def test_a_static_file_with_a_period_in_front_is_there_and_not_listed() -> None:
    directory = make_directory(FakeCatalog(), **{".session": b"x", "activate": b"y"})

    assert directory.find(".session").size == 1
    assert directory.read(".session", 100, 0) == b"x"
    assert [name for name, _node in directory.entries()] == ["activate"]


def test_the_root_is_a_directory_of_the_owner() -> None:
    assert make_directory(FakeCatalog()).root() == Node(1, stat.S_IFDIR | 0o755, 2, 1000, 100, 0, 5)


def test_a_missing_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        make_directory(FakeCatalog()).find("nothing")


def test_listing_and_lookup_show_the_same_files() -> None:
    catalog = FakeCatalog(Program("gcc", "/usr/bin/gcc", 1), Program("\udcff", "/opt/\udcff", 2))
    directory = make_directory(catalog, activate=b"x", destroy=b"yz")

    listed = dict(directory.entries())

    assert list(listed) == ["activate", "destroy", "gcc", "\udcff"]
    assert listed == {name: directory.find(name) for name in listed}


def test_a_static_file_hides_a_program_of_its_name() -> None:
    catalog = FakeCatalog(Program("activate", "/usr/bin/activate", 1))
    directory = make_directory(catalog, activate=b"mine")

    assert [name for name, _node in directory.entries()] == ["activate"]
    assert directory.find("activate").size == 4
    assert catalog.asked == []


def test_a_name_of_the_directory_itself_is_never_a_program() -> None:
    catalog = FakeCatalog(Program("destroy", "/usr/bin/destroy", 1))
    directory = make_directory(catalog)

    assert list(directory.entries()) == []
    with pytest.raises(KeyError):
        directory.find("destroy")
    with pytest.raises(KeyError):
        directory.read("destroy", 1, 0)


def test_a_program_that_is_gone_can_still_be_read_without_asking_the_catalog() -> None:
    catalog = FakeCatalog(Program("gcc", "/usr/bin/gcc", 1))
    directory = make_directory(catalog)
    directory.find("gcc")
    catalog.by_name.clear()
    catalog.asked.clear()

    assert directory.read("gcc", 4, 0) == b"\x7fELF"
    assert catalog.asked == []


def test_inode_numbers_differ_and_stay() -> None:
    catalog = FakeCatalog(*(Program(f"p{i}", f"/usr/bin/p{i}", i) for i in range(50)))
    directory = make_directory(catalog, activate=b"x")
    before = {name: node.inode for name, node in directory.entries()}
    p7 = catalog.by_name.pop("p7")
    assert "p7" not in dict(directory.entries())
    catalog.by_name["p7"] = p7

    assert {name: node.inode for name, node in directory.entries()} == before
    assert len({1, *before.values()}) == 1 + len(before)


@pytest.mark.parametrize(
    ("size", "offset", "expected"),
    [
        (3, 0, b"abc"),
        (3, 2, b"cde"),
        (100, 4, b"ef"),
        (1, 6, b""),
        (1, 10**12, b""),
        (0, 0, b""),
        (3, -1, b""),
        (-1, 0, b""),
    ],
)
def test_a_read_stays_within_the_file(size: int, offset: int, expected: bytes) -> None:
    assert make_directory(FakeCatalog(), activate=b"abcdef").read("activate", size, offset) == expected


def test_replaced_static_files_are_served_at_once() -> None:
    directory = make_directory(FakeCatalog(), activate=b"old", destroy=b"x")
    inode = directory.find("activate").inode

    directory.replace_files({"activate": StaticFile(b"newer", 0o600, 9)})

    assert directory.find("activate") == Node(inode, stat.S_IFREG | 0o600, 1, 1000, 100, 5, 9)
    assert [name for name, _node in directory.entries()] == ["activate"]
