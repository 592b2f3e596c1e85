"""The table of cases in cases.json: one test for each, and a list of those that are not due yet."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cleanenv.model.mount import Mount
from cleanenv.pathmap import Mapping, PathMap, Status
from tests.pathmap.fake_files import FakeContainer, FakeHost

# Rule O: programs have no profiles yet; they come with the path issue.
NEED_PROFILES = {"arg-143", "arg-144"}


@dataclass(frozen=True)
class Case:
    id: str
    source: str
    why: str
    mounts: list[tuple[str, str, str]]
    cwd: str
    direction: str
    kind: str
    input: str
    expect: str | None
    name: str = ""
    prev: str | None = None
    program: str | None = None
    host_exists: list[str] = field(default_factory=list)
    container_exists: list[str] = field(default_factory=list)
    host_symlinks: dict[str, str] = field(default_factory=dict)
    debatable: bool = False

    def run(self) -> Mapping:
        """A path exists iff it is listed, an ancestor of a listed one, a mount's end or (on the host) cwd."""
        mounts = [Mount(host, container, mode == "rw") for host, container, mode in self.mounts]
        host = FakeHost([*self.host_exists, *(mount.host for mount in mounts), self.cwd], self.host_symlinks)
        container = FakeContainer([*self.container_exists, *(mount.container for mount in mounts)])
        paths = PathMap(mounts, self.cwd, probe=host, container_has=container)
        match self.kind, self.direction:
            case "path", "to_container":
                return paths.to_container(self.input)
            case "path", "to_host":
                return paths.to_host(self.input)
            case "arg", "to_container":
                return paths.argument(self.input, self.prev)
            case "arg", "to_host":
                return paths.argument_to_host(self.input, self.prev)
            case "env", "to_container":
                return paths.variable(self.name, self.input)
            case _:
                raise ValueError(f"{self.id}: {self.kind} {self.direction}")


CASES = [Case(**case) for case in json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))]
# Rule T, text that goes back to the host, is not the map's: a filter will have these as its table.
DUE = [case for case in CASES if case.kind != "text"]


@pytest.mark.parametrize("case", [case for case in DUE if case.id not in NEED_PROFILES], ids=lambda case: case.id)
def test_case(case: Case) -> None:
    result = case.run()
    assert result.text == case.expect, f"{case.why} ({result.rule})"


def test_every_case_has_its_own_name() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_only_text_cases_are_left_to_the_text_filter() -> None:
    assert {case.kind for case in CASES} == {"arg", "env", "path", "text"}
    assert {case.id for case in CASES} - {case.id for case in DUE} == {
        case.id for case in CASES if case.id.startswith("text-")
    }


def test_exactly_the_cases_with_a_program_wait_for_profiles() -> None:
    assert {case.id for case in CASES if case.program} == NEED_PROFILES
    assert {case.id for case in DUE if case.run().text != case.expect} == NEED_PROFILES


def test_an_unmappable_path_says_so() -> None:
    unmappable = [case for case in DUE if case.kind == "path" and case.expect is None]
    assert [case.run().status for case in unmappable] == [Status.UNMAPPABLE] * len(unmappable)
    assert unmappable
