"""The tree of snapshots: what it promises, whatever is done in whichever order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from cleanenv.errors import CleanenvError, EnvironmentStateError, UsageError
from cleanenv.model.history import COMMANDS, History, Layer, Snapshot, check_snapshot_name
from cleanenv.model.history_json import history_of, object_of


def begin() -> History:
    return History.begin("sha256:base", 1000)


def grown(history: History, name: str, layer: Layer | None = None) -> History:
    snapshot = Snapshot(0, None, name, 2000, f"sha256:{name}", layer.id if layer else "")
    return history.added(snapshot, [layer] if layer else [])


def tree() -> History:
    """0 ─ 1 a ─ 2 b ─ 3 c, and 4 d on 1."""
    history = begin()
    for name in "abc":
        history = grown(history, name)
    return grown(history.at(1), "d")


def test_new_history_is_at_the_state_after_create() -> None:
    history = begin()
    assert (history.current.name, history.position, history.disk_use) == ("created", 0, 0)
    assert history.find("0") == history.find("created") == history.root


def test_snapshot_after_going_back_begins_a_branch_and_loses_nothing() -> None:
    history = tree()
    assert [(each.id, each.parent, each.name) for each in history.snapshots] == [
        (0, None, "created"),
        (1, 0, "a"),
        (2, 1, "b"),
        (3, 2, "c"),
        (4, 1, "d"),
    ]
    assert history.position == 4


def test_back_and_forward_follow_the_line_that_was_left() -> None:
    history = grown(tree(), "e").at(3)
    assert [history.back(steps).id for steps in range(4)] == [3, 2, 1, 0]
    at_one = history.at(1)
    assert at_one.forward(2).id == 3, "not 4, which is the newest: 3 is where it came from"
    assert history.at(4).at(1).forward(2).id == 5


def test_forward_without_a_line_takes_the_newest_child() -> None:
    assert tree().at(4).at(0).forward(2).id == 4
    assert replace(tree(), tip=0).at(0).forward(2).id == 4


@pytest.mark.parametrize(
    ("verb", "at", "steps", "why", "hint"),
    [
        ("back", 3, 9, "there are 3 before snapshot 3 (c)", "cleanenv snapshot back 3"),
        ("back", 0, 1, "there is none before snapshot 0 (created)", "cleanenv snapshot list"),
        ("forward", 2, 2, "there is 1 after snapshot 2 (b)", "cleanenv snapshot forward 1"),
        ("forward", 3, 1, "there is none after snapshot 3 (c)", "cleanenv snapshot list"),
    ],
)
def test_steps_beyond_the_end_say_how_many_there_are(verb: str, at: int, steps: int, why: str, hint: str) -> None:
    history = tree().at(at)
    with pytest.raises(UsageError) as caught:
        (history.back if verb == "back" else history.forward)(steps)
    assert (caught.value.why, caught.value.hint) == (why, hint)


def test_what_others_stand_on_is_removed_with_them_only() -> None:
    history = tree().at(0)
    with pytest.raises(UsageError, match=r"snapshot 2 \(b\), snapshot 4 \(d\) stand on it") as caught:
        history.without(1, cascade=False)
    assert caught.value.hint == "cleanenv snapshot remove --cascade 1"
    assert [each.id for each in history.without(1, cascade=True).snapshots] == [0]
    assert [each.id for each in history.without(3, cascade=False).snapshots] == [0, 1, 2, 4]


def test_neither_the_root_nor_what_the_container_stands_on_is_removed() -> None:
    with pytest.raises(UsageError, match="always there"):
        tree().without(0, cascade=True)
    with pytest.raises(EnvironmentStateError, match="where the environment is"):
        tree().without(4, cascade=False)
    with pytest.raises(EnvironmentStateError, match="on a later one") as caught:
        tree().without(1, cascade=True)
    assert caught.value.hint == "cleanenv snapshot restore 0"


def test_prune_keeps_the_line_that_one_is_on_to_its_end() -> None:
    assert [each.id for each in tree().pruned().snapshots] == [0, 1, 4]
    assert [each.id for each in tree().at(3).at(1).pruned().snapshots] == [0, 1, 2, 3]


def test_numbers_are_not_given_again() -> None:
    history = tree().at(0).without(4, cascade=False)
    assert grown(history, "d").position == 5


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "12", "ü", "x" * 129, "a\n", *sorted(COMMANDS)])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_snapshot_name(name, "name")
    with pytest.raises(UsageError):
        tree().renamed(2, name)
    with pytest.raises(UsageError):
        tree().check_free(name)


def test_taken_name_is_refused() -> None:
    with pytest.raises(UsageError, match="the name a is taken"):
        tree().renamed(2, "a")
    with pytest.raises(UsageError, match="there is one of that name"):
        tree().check_free("a")
    assert tree().renamed(2, "b").get(2).name == "b"
    assert tree().renamed(2, "other").find("other").id == 2


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("pip-{id}", "pip-5"),
        ("{program}@{date}", "pip3_2030-01-02"),
        ("a", "a-5"),
        ("7", "7-5"),
        ("list", "list-5"),
        ("{nothing.__class__}", "_nothing.__class___"),
        ("", "snapshot-5"),
        ("x" * 300, "x" * 116),
    ],
)
def test_name_is_made_of_its_template(template: str, name: str) -> None:
    made = tree().free_name(template, date="2030-01-02", program="pip3")
    assert made == name
    tree().check_free(made)


def test_layers_that_snapshots_share_count_once() -> None:
    one, two, three = Layer("1", "", 100), Layer("2", "1", 20), Layer("3", "1", 3)
    history = grown(grown(grown(begin(), "a", one), "b", two).at(1), "c", three)
    assert (history.disk_use, history.size(2), history.size(0)) == (123, 20, 0)
    assert grown(history, "same", three).size(4) == 0, "it has added nothing to its parent"
    after = history.without(2, cascade=False)
    assert (after.disk_use, history.freed_by(after)) == (103, 20)
    assert grown(history, "again", three).disk_use == 123


def test_layer_stays_as_long_as_others_stand_on_it() -> None:
    one, two = Layer("1", "", 100), Layer("2", "1", 20)
    history = grown(grown(begin(), "a", one).at(0), "b").at(1)
    history = grown(history, "c", two)
    flat = history.flattened(3, "sha256:flat", Layer("f", "", 110))
    assert flat.get(3).image_id == "sha256:flat"
    assert flat.disk_use == 210, "the layer of c alone is not needed any more"
    assert history.disk_use == 120


def test_walk_gives_branches_before_the_line_that_goes_on() -> None:
    def walked(history: History) -> list[tuple[int, int, bool]]:
        return [(each.id, level, begins) for each, level, begins in history.walk()]

    assert walked(tree()) == [(0, 0, False), (1, 0, False), (2, 1, True), (3, 1, False), (4, 0, False)]
    assert walked(tree().at(3)) == [(0, 0, False), (1, 0, False), (4, 1, True), (2, 0, False), (3, 0, False)]


def test_find_says_what_to_type() -> None:
    with pytest.raises(UsageError) as caught:
        tree().find("nothing")
    assert caught.value.hint == "cleanenv snapshot list"


class Histories(RuleBasedStateMachine):
    """Whatever is done: a tree with its position in it, names and numbers that mean one snapshot, no layer too many."""

    numbers: Bundle[int] = Bundle("numbers")

    def __init__(self) -> None:
        super().__init__()
        self.history = begin()
        self.states = {0: "created"}  # what one finds when one restores a number

    @rule(target=numbers, size=st.integers(0, 1000), shared=st.booleans())
    def create(self, size: int, shared: bool) -> int:  # noqa: FBT001
        below = self.history.current.layer
        identifier = f"{below}/{'same' if shared else self.history.next_id}"
        name = self.history.free_name("s-{id}", date="")
        self.history = grown(self.history, name, Layer(identifier, below, size))
        self.states[self.history.position] = f"sha256:{name}"
        return self.history.position

    @rule(number=numbers)
    def restore(self, number: int) -> None:
        if number in self.states:
            self.history = self.history.at(number)

    @rule(steps=st.integers(0, 3))
    def go_back_and_forward(self, steps: int) -> None:
        start = self.history.position
        if steps < len(self.history.line(start)):
            self.history = self.history.at(self.history.back(steps).id)
            assert self.history.forward(steps).id == start
            self.history = self.history.at(self.history.forward(steps).id)

    @rule(number=consumes(numbers), cascade=st.booleans())
    def remove(self, number: int, cascade: bool) -> None:  # noqa: FBT001
        if number not in self.states:
            return
        gone = self.history.below(number)
        try:
            self.history = self.history.without(number, cascade=cascade)
        except CleanenvError:
            assert self.history.position in gone or (len(gone) > 1 and not cascade)
        else:
            for each in gone:
                del self.states[each]

    @rule(number=numbers)
    def flatten(self, number: int) -> None:
        if number in self.states:
            self.history = self.history.flattened(number, f"sha256:flat{number}", Layer(f"flat{number}", "", 500))
            self.states[number] = f"sha256:flat{number}"

    @rule()
    def prune(self) -> None:
        self.history = self.history.pruned()
        self.states = {each.id: self.states[each.id] for each in self.history.snapshots}

    @invariant()
    def nothing_is_lost_and_all_is_well_formed(self) -> None:
        history = self.history
        assert history_of(object_of(history)) == history
        assert {each.id for each in history.snapshots} == set(self.states)
        for each in history.snapshots[1:]:
            assert self.states[each.id] == each.image_id
            assert history.find(each.name) == history.find(str(each.id)) == each
        assert sorted(each.id for each, _level, _begins in history.walk()) == sorted(self.states)
        assert history.position in history.line(history.tip)


TestHistories = Histories.TestCase
