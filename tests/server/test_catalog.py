"""Which programs the live directory has, with an agent that answers, is down, or is silent."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cleanenv.agent.client import AgentAbsentError, AgentClient
from cleanenv.agent.wire import Match
from cleanenv.errors import AgentError
from cleanenv.model.link import DEFAULT_LINKS, Link, parse_links
from cleanenv.server.catalog import BACK_OFF_S, TRUST_S, LiveCatalog
from cleanenv_fuse.tree import Program
from tests.server.fake_agent import HOME, FakeAgent, matches

MTIME = 42


class Container:
    """A container by its files, without a socket; `fault` is raised instead of an answer."""

    def __init__(self, *paths: str) -> None:
        self.files = {path: len(path) for path in paths}
        self.fault: AgentError | None = None
        self.questions: list[tuple[str, ...]] = []

    def glob(self, patterns: Sequence[str], /) -> tuple[Match, ...]:
        self.questions.append(tuple(patterns))
        if self.fault is not None:
            raise self.fault
        return tuple(
            Match(index, path, 0o100755, 1, mtime_ns)
            for index, pattern in enumerate(patterns)
            for path, mtime_ns in sorted(self.files.items())
            if matches(pattern, path)
        )


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


DOWN = AgentAbsentError("connection", "the container does not run")
SILENT = AgentError("question", "no answer")

Make = Callable[..., LiveCatalog]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Make:
    def make(container: Container, *links: str) -> LiveCatalog:
        listing = str(tmp_path / "listing.json")
        return LiveCatalog(parse_links(links), container, listing, mtime_ns=MTIME, clock=clock)

    return make


def names(catalog: LiveCatalog) -> list[str]:
    return [program.name for program in catalog.programs()]


def agree(catalog: LiveCatalog, *absent: str) -> bool:
    """Whether lookup and listing tell the same of every name."""
    return all(catalog.find(p.name) == p for p in catalog.programs()) and not any(map(catalog.find, absent))


def test_a_named_link_is_the_program_at_its_path(make: Make) -> None:
    catalog = make(Container("/usr/bin/gcc"), "cc:/usr/bin/gcc")

    assert catalog.programs() == (Program("cc", "/usr/bin/gcc", 12),)
    assert agree(catalog, "gcc")


def test_a_glob_is_every_program_that_matches_under_its_own_name(make: Make) -> None:
    catalog = make(Container("/opt/a", "/opt/ab", "/opt/b", "/opt/.a", "/opt/x/a"), "/opt/a*")

    assert names(catalog) == ["a", "ab"]
    assert agree(catalog, "b", ".a", "x", "")


def test_a_named_link_whose_program_is_missing_is_no_file(make: Make) -> None:
    catalog = make(Container(), "cc:/usr/bin/gcc")

    assert names(catalog) == []
    assert agree(catalog, "cc")


def test_a_named_link_comes_before_a_glob_that_was_given_first(make: Make) -> None:
    catalog = make(Container("/usr/bin/cc", "/opt/cc"), "/usr/bin/*", "/opt/cc")

    assert catalog.programs() == (Program("cc", "/opt/cc", 7),)
    assert agree(catalog)


def test_globs_count_in_their_order(make: Make) -> None:
    catalog = make(Container("/a/x", "/b/x", "/b/y"), "/b/*", "/a/*")

    assert {p.name: p.path for p in catalog.programs()} == {"x": "/b/x", "y": "/b/y"}
    assert agree(catalog)


def test_a_name_whose_named_link_leads_nowhere_is_looked_for_in_the_globs(make: Make) -> None:
    catalog = make(Container("/usr/bin/cc"), "cc:/opt/cc", "/usr/bin/*")

    assert catalog.programs() == (Program("cc", "/usr/bin/cc", 11),)
    assert agree(catalog)


def test_the_home_is_the_agents_business(make: Make) -> None:
    catalog = make(Container(f"{HOME}/.local/bin/black"), "~/.local/bin/*")

    assert catalog.find("black") == Program("black", f"{HOME}/.local/bin/black", 27)
    assert agree(catalog)


def test_a_pattern_in_the_directory_stays_one_and_the_first_match_serves(make: Make) -> None:
    catalog = make(Container("/opt/1/bin/x", "/opt/2/bin/x", "/opt/2/bin/y"), "/opt/*/bin/*")

    assert {p.name: p.path for p in catalog.programs()} == {"x": "/opt/1/bin/x", "y": "/opt/2/bin/y"}
    assert agree(catalog)


@pytest.mark.parametrize("name", ["a*", "a?", "[ab]", "a\\", "a b", "ä", "\udcff\udcfe", "n" * 255, "a\nb", "-"])
def test_a_name_means_itself_and_no_pattern(make: Make, name: str) -> None:
    catalog = make(Container("/opt/ab", "/opt/b", f"/opt/{name}"), "/opt/*")

    assert catalog.find(name) == Program(name, f"/opt/{name}", len(name) + 5)
    assert agree(catalog, "[ab", "*", "?", "a*b")


def test_a_lookup_asks_only_for_the_paths_that_its_links_give(make: Make) -> None:
    container = Container("/usr/bin/python3")
    catalog = make(container, "cc:/usr/bin/gcc", "/usr/local/bin/*", "/usr/bin/python*", "/usr/bin/python[23]")
    catalog.programs()
    container.questions.clear()

    catalog.find("python3")
    catalog.find("ls")
    catalog.find("cc")
    catalog.find(".profile")

    assert container.questions == [
        ("/usr/local/bin/python3", "/usr/bin/python3"),
        ("/usr/local/bin/ls",),
        ("/usr/bin/gcc", "/usr/local/bin/cc"),
    ]


def test_what_is_installed_or_removed_shows_at_once(make: Make) -> None:
    container = Container("/opt/a")
    catalog = make(container, "/opt/*")
    assert names(catalog) == ["a"]

    container.files = {"/opt/b": 1}

    assert catalog.find("a") is None
    assert catalog.find("b") == Program("b", "/opt/b", 1)
    assert names(catalog) == ["b"]
    container.files = {"/opt/b": 2}
    assert catalog.find("b") == Program("b", "/opt/b", 2)


def test_while_the_container_is_down_the_last_listing_shows(make: Make) -> None:
    container = Container("/opt/a", "/usr/bin/gcc")
    catalog = make(container, "/opt/*", "cc:/usr/bin/gcc")
    before = catalog.programs()
    container.fault = DOWN

    assert catalog.programs() == before
    assert agree(catalog, "b", "gcc")


def test_the_last_listing_survives_the_server(make: Make) -> None:
    container = Container("/opt/a", "/opt/\udcff")
    before = make(container, "/opt/*", "cc:/usr/bin/gcc").programs()
    container.fault = DOWN

    successor = make(container, "/opt/*", "cc:/usr/bin/gcc")

    assert successor.programs() == before
    assert agree(successor, "cc")  # known to lead nowhere


def test_what_lookups_found_out_is_part_of_the_last_listing(make: Make) -> None:
    container = Container("/opt/a", "/opt/gone")
    catalog = make(container, "/opt/*")
    catalog.programs()
    container.files = {"/opt/a": 99, "/opt/new": 1, "/opt/other": 2}

    catalog.find("a")
    catalog.find("new")
    container.fault = DOWN

    assert {p.name: p.mtime_ns for p in catalog.programs()} == {"a": 99, "new": 1, "other": 2}


def test_a_link_that_is_gone_hides_its_programs_also_while_the_container_is_down(make: Make) -> None:
    container = Container("/opt/a", "/usr/bin/gcc", "/usr/bin/make")
    catalog = make(container, "/opt/*", "/usr/bin/gcc", "/usr/bin/make")
    catalog.programs()
    container.fault = DOWN

    catalog.replace_links(parse_links(["/usr/bin/make"]))

    assert names(catalog) == ["make"]
    assert agree(catalog, "a", "gcc")


def test_a_named_link_that_was_never_asked_about_is_there_while_it_cannot_be_asked(make: Make) -> None:
    container = Container("/opt/a")
    container.fault = DOWN
    catalog = make(container, "/opt/*", "cc:/usr/bin/gcc")

    assert catalog.programs() == (Program("cc", "/usr/bin/gcc", MTIME),)
    assert agree(catalog, "a")
    container.fault = None
    assert names(catalog) == ["a"]


def test_a_new_link_shows_at_once(make: Make) -> None:
    catalog = make(Container("/opt/a", "/usr/bin/gcc"), "/opt/*")
    catalog.programs()

    catalog.replace_links(parse_links(["/opt/*", "cc:/usr/bin/gcc"]))

    assert sorted(names(catalog)) == ["a", "cc"]
    assert agree(catalog)


def test_an_agent_that_is_down_is_asked_again_each_time(make: Make) -> None:
    container = Container("/opt/a")
    container.fault = DOWN
    catalog = make(container, "/opt/*")
    assert catalog.find("a") is None

    container.fault = None

    assert catalog.find("a") is not None


def test_a_silent_agent_is_left_alone_for_a_while(make: Make, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    container = Container("/opt/a")
    catalog = make(container, "/opt/*")
    catalog.programs()
    container.fault = SILENT
    container.questions.clear()

    with caplog.at_level(logging.WARNING):
        assert [catalog.find("a") is not None for _ in range(5)] == [True] * 5
        assert len(container.questions) == 1
        clock.now += BACK_OFF_S
        catalog.find("a")
        catalog.find("a")
        assert len(container.questions) == 2

    assert [r.message for r in caplog.records] == ["the last listing is shown: question: no answer"]
    container.fault = None
    container.files = {}
    clock.now += BACK_OFF_S
    assert catalog.find("a") is None


def test_a_refresh_asks_even_after_a_silence(make: Make) -> None:
    container = Container("/opt/a")
    container.fault = SILENT
    catalog = make(container, "/opt/*")
    assert not catalog.refresh()
    container.fault = None

    assert catalog.refresh()
    assert catalog.find("a") is not None


class HostileContainer(Container):
    """Answers with names that no pattern asked for."""

    def glob(self, patterns: Sequence[str], /) -> tuple[Match, ...]:
        paths = ("/opt/..", "/opt/", "/opt/activate", "/opt/b", "/opt/" + "n" * 256, "/opt/.hidden", "/opt/a")
        return tuple(Match(len(patterns) - 1, path, 0, 0, 0) for path in paths)


def test_names_that_the_links_do_not_give_are_not_listed(make: Make) -> None:
    assert names(make(HostileContainer(), "/opt/a*")) == ["a"]


def test_the_listing_is_written_only_when_something_changed(make: Make, tmp_path: Path) -> None:
    container = Container("/opt/a")
    catalog = make(container, "/opt/*")
    catalog.programs()
    first = (tmp_path / "listing.json").stat()

    catalog.programs()
    catalog.find("a")
    catalog.find("nothing")

    assert (tmp_path / "listing.json").stat().st_ino == first.st_ino
    container.files["/opt/b"] = 1
    catalog.programs()
    assert (tmp_path / "listing.json").stat().st_ino != first.st_ino
    assert [file.name for file in tmp_path.iterdir()] == ["listing.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 100_000,
        b'{"version": 2}',
        b'{"version": 1, "links": 5, "programs": []}',
        b'{"version": 1, "links": [], "programs": [["a"]]}',
        b'{"version": 1, "links": [], "programs": [["a/b", "/opt/a", 1, "/opt/a"]]}',
        b'{"version": 1, "links": [], "programs": [["a", "/opt/a", "1", "/opt/a"]]}',
    ],
)
def test_a_damaged_listing_is_ignored_and_told(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    (tmp_path / "listing.json").write_bytes(content)
    container = Container("/opt/a")
    container.fault = DOWN

    with caplog.at_level(logging.WARNING):
        catalog = make(container, "/opt/*")

    assert names(catalog) == []
    assert len(caplog.records) == 1
    container.fault = None
    assert names(catalog) == ["a"]


def test_an_environment_that_cannot_be_written_to_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    container = Container("/opt/a")
    catalog = LiveCatalog(parse_links(["/opt/*"]), container, str(tmp_path / "gone" / "l.json"), mtime_ns=MTIME)

    with caplog.at_level(logging.WARNING):
        assert names(catalog) == ["a"]
        container.files["/opt/b"] = 2
        assert names(catalog) == ["a", "b"]

    assert [r.message.partition(":")[0] for r in caplog.records] == ["the listing cannot be kept for later"]


def test_the_default_links_work_through_a_socket(tmp_path: Path) -> None:
    files = {
        "/usr/bin/python3.11": 1,
        "/usr/bin/ls": 2,
        "/usr/local/bin/tool": 3,
        f"{HOME}/.local/bin/black": 4,
    }
    client = AgentClient(str(tmp_path / "a.sock"), 5.0)
    catalog = LiveCatalog(DEFAULT_LINKS, client, os.devnull + "/none", mtime_ns=MTIME)

    with FakeAgent(str(tmp_path / "a.sock"), files):
        assert sorted(names(catalog)) == ["black", "python3.11", "tool"]
        assert agree(catalog, "ls")
    client.close()


def test_the_links_are_shown_in_the_order_in_which_they_are_tried(make: Make) -> None:
    assert make(Container(), "/b/*", "/usr/bin/x", "/a/*").links == (
        Link("x", "/usr/bin/x"),
        Link(None, "/b/*"),
        Link(None, "/a/*"),
    )


class State:
    """What the watch knows of the container."""

    def __init__(self) -> None:
        self.now: int | None = 0

    def __call__(self) -> int | None:
        return self.now


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def container() -> Container:
    return Container("/opt/a", "/opt/b")


@pytest.fixture
def watched(container: Container, state: State, clock: Clock, tmp_path: Path) -> LiveCatalog:
    """A catalog of a container that is watched, in the middle of a burst of lookups: its listing is made."""
    listing = str(tmp_path / "watched.json")
    catalog = LiveCatalog(parse_links(["/opt/*"]), container, listing, mtime_ns=MTIME, clock=clock, state=state)
    catalog.find("a")
    catalog.find("a")
    container.questions.clear()
    return catalog


def test_a_burst_of_lookups_is_answered_by_one_listing(watched: LiveCatalog, container: Container) -> None:
    assert [watched.find(name) for name in ("a", "c", "b")] == [
        Program("a", "/opt/a", 6),
        None,
        Program("b", "/opt/b", 6),
    ]
    assert container.questions == []


@pytest.mark.parametrize("after", [1, None])
def test_after_a_change_nothing_of_before_counts(
    watched: LiveCatalog, container: Container, state: State, after: int | None
) -> None:
    container.files = {"/opt/c": 7}
    state.now = after

    assert watched.find("a") is None
    assert watched.find("c") == Program("c", "/opt/c", 7)


def test_a_listing_during_which_something_changed_is_not_the_truth(
    watched: LiveCatalog, container: Container, state: State, clock: Clock
) -> None:
    clock.now += TRUST_S
    glob = container.glob

    def change_meanwhile(patterns: Sequence[str], /) -> tuple[Match, ...]:
        answer = glob(patterns)
        container.files["/opt/c"] = 7
        state.now = 1
        return answer

    container.glob = change_meanwhile  # type: ignore[method-assign]
    watched.programs()
    container.glob = glob  # type: ignore[method-assign]

    assert watched.find("c") == Program("c", "/opt/c", 7)


def test_a_listing_is_trusted_for_a_while_only(watched: LiveCatalog, container: Container, clock: Clock) -> None:
    del container.files["/opt/a"]  # as the target of a symbolic link, which nobody watches
    assert watched.find("a") is not None

    clock.now += TRUST_S

    assert watched.find("a") is None


def test_lookups_now_and_then_ask_for_their_own_name(watched: LiveCatalog, container: Container, clock: Clock) -> None:
    for _ in range(3):
        clock.now += TRUST_S
        watched.find("a")

    assert container.questions == [("/opt/a",)] * 3


def test_without_a_watch_each_lookup_asks(watched: LiveCatalog, container: Container, state: State) -> None:
    state.now = None

    for _ in range(3):
        watched.find("a")

    assert container.questions == [("/opt/a",)] * 3
