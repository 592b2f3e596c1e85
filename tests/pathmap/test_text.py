"""Text back to the host (rule T): the table's cases, boundaries, and what holds for every text in any pieces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanenv.model.mount import Mount
from cleanenv.pathmap import PathMap
from tests.pathmap.cases import Case, read_table
from tests.pathmap.fake_files import FakeHost
from tests.pathmap.test_laws import law, mount_lists, paths
from tests.pathmap.text_filter import TextFilter, opens
from tests.pathmap.text_reference import text_on_the_host

TEXT_CASES = [case for case in read_table(Path(__file__).with_name("cases.json")) if case.kind == "text"]

USUAL = (Mount("/", "/r", writable=False), Mount("/home/u/proj", "/work", writable=True))
CWDS = st.sampled_from(["/home/u/proj", "/home/u/proj/a/b", "/home/u", "/", "/srv/big", "/nowhere"])

_scraps = st.sampled_from(
    [
        b"/work", b"/r", b"/r/home/u", b"/work/a.c", b"../", b"..", b".", b"/", b":", b" ", b"\n", b"'", b'"', b"-I",
        b"\x1b[01m\x1b[K", b"\x1b[m", b"\x1b", b"[", b"0", b"7", b"\x1b(B",
        b"\x1b]8;;file://host", b"file://", b"u@h:", b"\xe2\x80\x99", b"\xc2\xbb",
        b"\xe2", b"\xc2", b"\x80", b"w", b"wor", b"k", b"error", b"/q", b"/data", b"/work/proj/big", b"(", b"=", b"\0",
    ]
)  # fmt: skip
texts = st.lists(st.one_of(_scraps, _scraps, paths, st.binary(max_size=20)), max_size=12).map(b"".join)


def make(case: Case) -> TextFilter:
    return TextFilter(case.ends, case.cwd)


def mapped(text: str, cwd: str = "/home/u/proj") -> str:
    return os.fsdecode(TextFilter(USUAL, cwd).whole([os.fsencode(text)]))


def pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(text) + 1) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.parametrize("case", TEXT_CASES, ids=lambda case: case.id)
def test_case_in_every_two_pieces_and_byte_by_byte(case: Case) -> None:
    text = os.fsencode(case.input)
    whole = make(case).whole([text])
    assert make(case).whole(text[at : at + 1] for at in range(len(text))) == whole
    for at in range(len(text)):
        assert make(case).whole([text[:at], text[at:]]) == whole


@pytest.mark.parametrize(
    "text",
    [
        "x/work/a", "./work", "~/work", "-/work", "${X}/work", "$/work", "u@h:/work/a", "git@h.example:/work", "@/work",
        "/workspace", "/work-2/x", "/work2", "/work.c", "/work..", "\\/work\\/a", "ab-I/work", "--I/work", "http://h/work",
        "/r", "see /r", "(/r)", "/r.", "a:/r:", "'/r ", "/nowhere/work", "../work.c", "../../work", ".../work",
        "\x00/work/a", "file://h./work/a", "\x1b[01/work/m", "\x1b(0B/work", "\x1bP/work",
    ],
)  # fmt: skip
def test_these_stay(text: str) -> None:
    assert mapped(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-I/work/inc", "-I/home/u/proj/inc"),
        ("'-L/work'", "'-L/home/u/proj'"),
        ("a=/work,b=/work;", "a=/home/u/proj,b=/home/u/proj;"),
        ("x|/work|", "x|/work|"),
        ("|/work/a", "|/home/u/proj/a"),
        ("<file>/work</file>", "<file>/home/u/proj</file>"),
        ("`/work`", "`/home/u/proj`"),
        ("/work.\n/work. /work.", "/home/u/proj.\n/home/u/proj. /home/u/proj."),
        ("“/work”", "“/home/u/proj”"),
        ("/work…", "/home/u/proj…"),
        ("\x1b(B/work\x1b[0m", "\x1b(B/home/u/proj\x1b[0m"),
        ("\x1b8/work", "\x1b8/home/u/proj"),
        ("\x1b]0;title\x1b\\/work/a", "\x1b]0;title\x1b\\/home/u/proj/a"),
        ("file:///r/home/u/x file:///work", "file:///home/u/x file:///home/u/proj"),
        ("h:/work/a", "h:/home/u/proj/a"),
        ("/r: '/r' \"/r\" «/r»", "/: '/' \"/\" «/»"),
        ("/r/", "/"),
        ("/work/r/x /r/work/x", "/home/u/proj/r/x /work/x"),
        ("/work/a\0/work/a", "/home/u/proj/a\0/work/a"),
        ("../r/home/x", "/home/x"),
    ],
)
def test_these_are_mapped(text: str, expected: str) -> None:
    assert mapped(text) == expected


@pytest.mark.parametrize(
    ("cwd", "text", "expected"),
    [
        ("/home/u/proj/a", "../b.c:1:", "../b.c:1:"),
        ("/home/u/proj/a", "../../work/b.c:1:", "/home/u/proj/b.c:1:"),
        ("/home/u/proj/a", "../../r/home/u/b.c:1:", "/home/u/b.c:1:"),
        ("/home/u/x", "../../../../work/b.c", "/home/u/proj/b.c"),
        ("/home/u/x", "../b.c", "../b.c"),
        ("/home/u/x", "../../../usr/x", "../../../usr/x"),
    ],
)
def test_name_with_dots_that_leaves_its_mount_becomes_absolute(cwd: str, text: str, expected: str) -> None:
    assert mapped(text, cwd) == expected


def test_mount_at_its_own_path_inside_of_another_one_stays() -> None:
    mounts = [*USUAL, Mount("/work/own", "/work/own", writable=True)]
    text = TextFilter(mounts, "/").whole([b"/work/own/a /work/other /work/own"])
    assert text == b"/work/own/a /home/u/proj/other /work/own"


def test_mount_at_its_own_path_stays_where_another_name_is_in_it() -> None:
    mounts = [Mount("/data", "/work", writable=True), Mount("/x=/work", "/x=/work", writable=True)]
    assert TextFilter(mounts, "/").whole([b"/x=/work/a x=/work/a"]) == b"/x=/work/a x=/data/a"


def test_host_path_with_a_blank_is_encoded_in_a_url_only() -> None:
    mounts = [Mount("/home/u/my proj", "/work", writable=True)]
    text = TextFilter(mounts, "/").whole([b"file:///work/a /work/a"])
    assert text == b"file:///home/u/my%20proj/a /home/u/my proj/a"


def test_more_different_names_than_are_searched_at_once() -> None:
    mounts = [Mount(f"/host/{letter}", f"/{letter}x", writable=True) for letter in "abcdefghijklmnop"]
    text = b" ".join(os.fsencode(mount.container) + b"/file" for mount in mounts)
    expected = b" ".join(os.fsencode(mount.host) + b"/file" for mount in mounts)
    assert TextFilter(mounts, "/").whole([text]) == expected


@law
@given(mount_lists(), CWDS, texts, st.lists(st.integers(0, 200), max_size=8))
def test_pieces_do_not_matter(mounts: list[Mount], cwd: str, text: bytes, cuts: list[int]) -> None:
    whole = TextFilter(mounts, cwd).whole([text])
    assert TextFilter(mounts, cwd).whole(pieces(text, cuts)) == whole
    assert TextFilter(mounts, cwd).whole(text[at : at + 1] for at in range(len(text))) == whole


@law
@given(mount_lists(), CWDS, texts)
def test_it_is_what_the_rule_says(mounts: list[Mount], cwd: str, text: bytes) -> None:
    stream = TextFilter(mounts, cwd)
    strings = stream.names.split(b"\0")[:-1]
    names = dict(reversed(list(zip(strings[::2], strings[1::2], strict=True))))  # of equal names the first one counts
    assert stream.whole([text]) == text_on_the_host(text, names)


@law
@given(mount_lists(), CWDS, texts, st.integers(1, 40))
def test_no_more_is_held_back_than_the_longest_name_and_a_byte(
    mounts: list[Mount], cwd: str, text: bytes, size: int
) -> None:
    """What a pause brings out is what was held back, and as it went in."""
    stream = TextFilter(mounts, cwd)
    for start in range(0, len(text), size):
        before = text[: start + size]
        stream.take(text[start : start + size])
        holds = stream.holds
        held = stream.pause()
        assert holds == bool(held)
        assert len(held) <= stream.longest + 1
        assert before.endswith(held)
    assert stream.finish() == b""


@law
@given(mount_lists(), st.lists(paths, min_size=1, max_size=5), st.sampled_from([b" ", b"\n", b"', '", b":1: "]))
def test_line_that_is_made_of_mapped_paths_becomes_that_of_the_hosts(
    mounts: list[Mount], hosts: list[bytes], between: bytes
) -> None:
    """L7."""
    to_container = PathMap(mounts, "/", probe=FakeHost()).to_container
    plain = [path for path in hosts if path.isascii() and path.replace(b"/", b"").isalnum()]
    names = {path: to_container(path).value for path in plain}  # None: another mount hides it
    line = b"".join(name + between for name in names.values() if name)
    assert TextFilter(mounts, "/").whole([line]) == b"".join(path + between for path, name in names.items() if name)


@law
@given(mount_lists(), CWDS, texts)
def test_text_without_a_name_is_untouched(mounts: list[Mount], cwd: str, text: bytes) -> None:
    harmless = text.replace(b"/", b"_")
    assert TextFilter(mounts, cwd).whole([harmless]) == harmless
    assert TextFilter([], cwd).whole([text]) == text


@law
@given(mount_lists(), CWDS, texts)
def test_from_the_first_nul_on_it_is_data(mounts: list[Mount], cwd: str, text: bytes) -> None:
    assert TextFilter(mounts, cwd).whole([b"\0", text]) == b"\0" + text


@law
@given(
    st.one_of(
        st.binary(max_size=60), st.lists(st.sampled_from([b"/a\0", b"../b\0", b"x\0", b"\0", b"/"])).map(b"".join)
    )
)
def test_any_bytes_are_names_or_are_refused(names: bytes) -> None:
    """Names come over a socket; what is no block of them must do no harm."""
    strings = names.split(b"\0")
    are_pairs = strings[-1] == b"" and len(strings) % 2 == 1
    assert opens(names) == (
        are_pairs
        and all(len(name) > 1 for name in strings[:-1:2])
        and all(name.startswith(b"/") for name in strings[1:-1:2])
    )
