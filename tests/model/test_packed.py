"""What an image says of a frozen environment is read back, and nothing else is taken for it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanenv.errors import UsageError
from cleanenv.model.history import History, Layer, Snapshot
from cleanenv.model.packed import Packed, dump_packed, load_packed
from cleanenv.model.user import Group, User

PACKED = Packed(
    cleanenv_version="0.2.0",
    image_name="debian:bookworm",
    base="b" * 32,
    user=User("ann", 1000, "/home/ann", (Group("ann", 1000),)),
    configuration="[global]\n",
    history=History.begin("sha256:" + "a" * 64, 1).added(
        Snapshot(0, None, "first", 2, "sha256:" + "c" * 64, "l"), [Layer("l", "", 7)]
    ),
)


def damaged(**changes: object) -> str:
    return json.dumps({**json.loads(dump_packed(PACKED)), **changes})


def test_it_is_read_as_it_was_written() -> None:
    assert dump_packed(PACKED).isascii()
    assert load_packed(dump_packed(PACKED), "image x") == PACKED


def test_snapshot_is_known_by_its_content_and_the_first_by_that_of_the_base_image() -> None:
    assert [PACKED.content(each) for each in PACKED.history.snapshots] == ["b" * 32, "l"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"version": 1}',
        damaged(user={}),
        damaged(user={"name": "x", "uid": 0, "home": "/", "groups": []}),
        damaged(history={}),
        damaged(configuration=None),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_damaged_is_one_error(text: str) -> None:
    with pytest.raises(UsageError, match="image x: what it says of its environment is damaged"):
        load_packed(text, "image x")


def test_newer_version_asks_for_the_cleanenv_that_wrote_it() -> None:
    with pytest.raises(UsageError) as caught:
        load_packed(damaged(version=2, cleanenv_version="0.9"), "file x")
    assert caught.value.why == "cleanenv 0.9 packed it, in version 2; this one knows version 1"
    assert caught.value.hint == "pip install cleanenv==0.9"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(json.loads(dump_packed(PACKED)))), json_values)
def test_any_value_anywhere_is_read_or_refused(key: str, value: object) -> None:
    with contextlib.suppress(UsageError):
        load_packed(damaged(**{key: value}), "x")
