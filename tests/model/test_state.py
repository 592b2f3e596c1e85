"""What is written down about an environment is read back, and nothing else is taken for it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanenv.errors import CorruptStateError
from cleanenv.model.history import History, Layer, Snapshot
from cleanenv.model.mount import Mount
from cleanenv.model.state import State, dump_state, load_state
from cleanenv.model.user import Group, User

STATE = State(
    id="0123456789ab",
    path="/home/ann/envs/a",
    cleanenv_version="0.2.0",
    created=1795347712,
    owner=1000,
    user=User("ann", 1000, "/home/ann", (Group("ann", 1000), Group("docker", 105))),
    mounts=(Mount("/", "/r", writable=False), Mount("/home/ann/p", "/p", writable=True)),
    image_name="debian:bookworm",
    container_id="b" * 64,
    runtime_directory="/run/user/1000/cleanenv/0123456789ab",
    history=History.begin("sha256:" + "a" * 64, 1795347712).added(
        Snapshot(0, None, "first", 1795347800, "sha256:" + "c" * 64, "l", "pip install x"), [Layer("l", "", 7)]
    ),
)
HISTORY = json.loads(dump_state(STATE))["history"]
ROOT, CHILD = HISTORY["snapshots"]

file_names = st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("\udc80\udcff"))


@given(file_names, file_names, st.booleans(), st.integers(0, 2**32 - 2))
def test_state_is_read_as_it_was_written(name: str, path: str, writable: bool, number: int) -> None:  # noqa: FBT001
    state = State(
        **{
            **{field: getattr(STATE, field) for field in STATE.__slots__},
            "path": f"/{path}",
            "frozen": writable,
            "created": number,
            "user": User(name, number, f"/{path}", (Group(name, number),)),
            "mounts": (Mount(f"/{path}", f"/{name}", writable=writable),),
            "image_name": name,
        }
    )
    text = dump_state(state)
    assert text.isascii()
    assert load_state(text, "state.json") == state


def damaged(**changes: object) -> str:
    return json.dumps({**json.loads(dump_state(STATE)), **changes})


def damaged_history(**changes: object) -> str:
    return damaged(history={**HISTORY, **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "3",
        '"text"',
        "[" * 100_000,
        dump_state(STATE)[:-20],
        damaged(id=None),
        damaged(id="0123456789AB"),
        damaged(id="../../../etc"),
        damaged(created="1"),
        damaged(created=1.5),
        damaged(created=True),
        damaged(created=-1),
        damaged(user=None),
        damaged(user=[]),
        damaged(user={}),
        damaged(user={"name": "a", "uid": 1, "home": "/", "groups": []}),
        damaged(user={"name": "a", "uid": 1, "home": "/", "groups": "ab"}),
        damaged(user={"name": "a", "uid": 1, "home": "/", "groups": [["a", "1"]]}),
        damaged(user={"name": "a", "uid": 1, "home": "/", "groups": [["a", 1, 2]]}),
        damaged(user={"name": "a", "uid": "1", "home": "/", "groups": [["a", 1]]}),
        damaged(mounts=[["/", "/r"]]),
        damaged(mounts=[["/", "/r", "rx"]]),
        damaged(mounts=[["/", "/r", []]]),
        damaged(mounts={"/": "/r"}),
        damaged(container_id=7),
        damaged(runtime_directory="relative"),
        damaged(history=None),
        damaged(history={}),
        damaged_history(position=2),
        damaged_history(tip=2),
        damaged_history(position="0"),
        damaged_history(next_id=1),
        damaged_history(snapshots=[]),
        damaged_history(snapshots=[ROOT]),
        damaged_history(snapshots=[CHILD, ROOT]),
        damaged_history(snapshots=[ROOT, {**CHILD, "id": 0}]),
        damaged_history(snapshots=[ROOT, {**CHILD, "parent": 1}]),
        damaged_history(snapshots=[ROOT, {**CHILD, "parent": None}]),
        damaged_history(snapshots=[ROOT, {**CHILD, "name": "created"}]),
        damaged_history(snapshots=[ROOT, {**CHILD, "name": 1}]),
        damaged_history(snapshots=[ROOT, {**CHILD, "layer": "none"}]),
        damaged_history(snapshots=[ROOT, CHILD, CHILD]),
        damaged_history(layers=[]),
        damaged_history(layers=[{"id": "l", "below": "l", "size": 1}]),
        damaged_history(layers=[{"id": "l", "below": "", "size": -1}]),
    ],
)
def test_damaged_state_is_an_error_that_names_the_file(text: str) -> None:
    with pytest.raises(CorruptStateError) as caught:
        load_state(text, "/e/.cleanenv/state.json")
    assert caught.value.what == "state file /e/.cleanenv/state.json"
    assert caught.value.why.startswith("it is damaged (")


@pytest.mark.parametrize("key", sorted(json.loads(dump_state(STATE))))
def test_state_without_one_of_its_values_is_damaged(key: str) -> None:
    data = json.loads(dump_state(STATE))
    del data[key]
    with pytest.raises(CorruptStateError, match="it is damaged"):
        load_state(json.dumps(data), "state.json")


def test_state_of_another_version_asks_for_the_cleanenv_that_wrote_it() -> None:
    with pytest.raises(CorruptStateError) as caught:
        load_state(damaged(version=6, cleanenv_version="0.3.1"), "/a b/.cleanenv/state.json")
    assert caught.value.why == "cleanenv 0.3.1 wrote it, in version 6; this one knows version 5"
    assert caught.value.hint == (
        "pip install cleanenv==0.3.1, or make the environment anew: cleanenv create --clear '/a b'"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(json.loads(dump_state(STATE)))), json_values)
def test_any_value_anywhere_is_read_or_refused(key: str, value: object) -> None:
    with contextlib.suppress(CorruptStateError):
        load_state(damaged(**{key: value}), "state.json")
