"""Questions and answers as bytes; every malformed answer is an AgentError."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanenv.agent import wire
from cleanenv.agent.wire import Match, Presence
from cleanenv.errors import AgentError
from tests.server.fake_agent import header, match_bytes


def test_strings_are_ended_by_nul_and_any_file_name_survives() -> None:
    assert wire.pack_strings(["/a b", "~/\udcff*", ""]) == b"/a b\0~/\xff*\0\0"


def test_a_string_with_nul_is_refused() -> None:
    with pytest.raises(AgentError, match="NUL"):
        wire.pack_strings(["/a\0b"])


def test_a_question_that_is_too_long_is_refused() -> None:
    with pytest.raises(AgentError, match="are allowed"):
        wire.pack_strings(["x" * wire.QUESTION_MAX])


def test_matches_are_read_in_order() -> None:
    data = match_bytes(0, "/usr/bin/gcc", 5, size=7, mode=0o100755) + match_bytes(2, "/opt/\udcff", -1, mode=0)

    assert wire.unpack_matches(data, 3) == (
        Match(0, "/usr/bin/gcc", 0o100755, 7, 5),
        Match(2, "/opt/\udcff", 0, 1, -1),
    )


def test_no_match_is_an_empty_answer() -> None:
    assert wire.unpack_matches(b"", 3) == ()


GOOD = match_bytes(0, "/usr/bin/gcc")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (GOOD[:10], "cut off"),
        (GOOD[:-1], "cut off"),
        (GOOD + b"x", "cut off"),
        (match_bytes(1, "/usr/bin/gcc"), "out of range"),
        (match_bytes(2**32 - 1, "/usr/bin/gcc"), "out of range"),
        (match_bytes(0, "usr/bin/gcc"), "absolute"),
        (match_bytes(0, ""), "empty"),
        (match_bytes(0, "/a\0b"), "NUL"),
        (GOOD[:-1] + b"x", "NUL"),
        (GOOD[:24] + b"\xff\xff\xff\x7f" + GOOD[28:], "out of range"),
        (GOOD[:28] + b"\xff\xff\xff\xff" + GOOD[32:], "cut off"),
        (GOOD[:28] + b"\0\0\0\0" + GOOD[32:], "empty"),
    ],
)
def test_a_malformed_match_is_an_error(data: bytes, reason: str) -> None:
    with pytest.raises(AgentError, match=reason):
        wire.unpack_matches(data, 1)


@given(st.binary(max_size=200), st.integers(0, 4))
def test_no_bytes_do_more_than_an_agent_error(data: bytes, count: int) -> None:
    for unpack in (wire.unpack_matches, wire.unpack_presences):
        try:
            unpack(data, count)
        except AgentError:
            continue


def test_presences_are_read() -> None:
    assert wire.unpack_presences(b"012", 3) == (Presence.ABSENT, Presence.PRESENT, Presence.SYMLINK)


@pytest.mark.parametrize("data", [b"", b"0", b"000", b"0x", b"0\0"])
def test_malformed_presences_are_an_error(data: bytes) -> None:
    with pytest.raises(AgentError):
        wire.unpack_presences(data, 2)


def test_the_header_of_an_answer_is_accepted() -> None:
    wire.check_answer_header(header())


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"", "0 bytes"),
        (header()[:7], "7 bytes"),
        (header() + b"\0", "9 bytes"),
        (header(magic=1), "magic"),
        (header(version=2), "version 2"),
        (header(kind=20), "type 20"),
    ],
)
def test_any_other_packet_is_refused(packet: bytes, reason: str) -> None:
    with pytest.raises(AgentError, match=reason):
        wire.check_answer_header(packet)
