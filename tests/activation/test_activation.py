"""Entering and leaving in every shell: what was there before is there afterwards."""

from __future__ import annotations

import difflib
import os
import shutil

import pytest

from tests.activation.conftest import Place

# Every character that means something to one of the shells.
NAME = "a b'\"$x`y#é%n\\(c)&;*[z]{q}!~^|<>?=,@\t\u2018\u201c-"


def difference(first: str, last: str) -> list[str]:
    """The lines of two snapshots that are not in both."""
    lines = difflib.ndiff(first.splitlines(), last.splitlines())
    return [line for line in lines if not line.startswith(("  ", "? "))]


@pytest.mark.parametrize("before", ["unset", "empty", "set", "exported"])
def test_deactivate_leaves_the_shell_as_it_was(place: Place, before: str) -> None:
    root = place.environment()
    dialect = place.dialect
    for kind, prompt in dialect.prompt_before.items():
        first, inside, last = place.sections(
            *(dialect.before[before].format(name) for name in ("CLEAN_ENV", "CLEAN_ENV_PROMPT")),
            prompt,
            dialect.mine,
            dialect.snapshot,
            "@",
            place.entering(root),
            dialect.snapshot,
            "@",
            "deactivate",
            dialect.snapshot,
        )
        assert (kind, difference(first, last)) == (kind, [])
        assert difference(first, inside) != []


def test_environment_of_any_name_can_be_entered(place: Place) -> None:
    root = place.environment(NAME)
    said = place.sections(
        place.entering(root),
        "probe",
        place.show("CLEAN_ENV"),
        place.show("CLEAN_ENV_PROMPT"),
        "deactivate",
    )
    prompt = "(a b'\"_x_y#é_n_(c)&;*[z]_q__~^|<>?=,@_\u2018\u201c-) "
    assert said == (f"probed in {root}\n{root}\n{prompt}",)


def test_environment_whose_name_is_no_utf_8_can_be_entered(place: Place) -> None:
    if not place.dialect.takes_any_name:
        return
    root = place.environment("\udcff")
    assert place.sections(place.entering(root), "probe") == (f"probed in {root}",)


def test_environment_is_entered_by_a_relative_path(place: Place) -> None:
    root = place.environment("a b")
    assert place.sections(place.entering("a b"), "probe") == (f"probed in {root}",)


def test_entering_twice_is_left_once(place: Place) -> None:
    root = place.environment()
    dialect = place.dialect
    first, path, last = place.sections(
        dialect.snapshot,
        "@",
        place.entering(root),
        place.entering(root),
        "printenv PATH",
        "@",
        "deactivate",
        dialect.snapshot,
    )
    assert (difference(first, last), path) == ([], f"{root}/bin:/usr/bin:/bin")


def test_entering_another_environment_leaves_the_first(place: Place) -> None:
    roots = [place.environment(name) for name in ("one", "two")]
    dialect = place.dialect
    first, inside, last = place.sections(
        dialect.snapshot,
        "@",
        *(place.entering(root) for root in roots),
        "probe",
        "printenv PATH",
        "@",
        "deactivate",
        dialect.snapshot,
    )
    assert (difference(first, last), inside) == ([], f"probed in {roots[1]}\n{roots[1]}/bin:/usr/bin:/bin")


def test_environment_that_is_not_mounted_is_started(place: Place) -> None:
    root = place.environment(is_mounted=False)
    place.sections(place.entering(root), "deactivate")
    assert place.calls == [f"start -I -m cleanenv start -e {root}"]


def test_failed_start_changes_nothing(place: Place) -> None:
    root = place.environment(is_mounted=False)
    place.refuse("start")
    dialect = place.dialect
    result = place.run(dialect.snapshot, "@", dialect.attempt.format(place.entering(root)), "@", dialect.snapshot)
    first, said, last = result.sections
    assert (difference(first, last), said.splitlines()[-1:]) == ([], ["failed"])
    assert result.stderr.startswith("cleanenv: start: refused\n")


def test_executing_the_script_says_to_source_it(place: Place) -> None:
    script = place.environment() / "bin" / place.dialect.script
    result = place.execute(script)
    hint = place.dialect.direct_hint.format(script)
    said = f"cleanenv: this file changes your shell, it cannot be run\nhint: {hint}\n"
    assert (result.returncode, result.sections, result.stderr) == (2, ("",), said)


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_moved_or_copied_environment_is_not_entered(place: Place, how: str) -> None:
    if not place.dialect.knows_its_script:
        return
    root = place.environment()
    here = place.directory / "else where"
    shutil.move(root, here) if how == "moved" else shutil.copytree(root, here)
    place.refuse("start")
    result = place.run(place.dialect.attempt.format(place.entering(here)), place.show("PATH"))
    (call,) = place.calls
    assert os.path.realpath(call.removeprefix("start -I -m cleanenv start -e ")) == str(here)
    assert "failed" in result.sections[0]
    assert str(root) not in result.sections[0]


def test_environment_may_be_entered_through_a_link(place: Place) -> None:
    root = place.environment()
    link = place.directory / "link"
    link.symlink_to(root)
    assert place.sections(place.entering(link), "probe") == (f"probed in {root}",)
    assert not any(call.startswith("start") for call in place.calls)


def test_shell_is_a_session_from_entering_to_leaving(place: Place) -> None:
    root = place.environment()
    result = place.run(place.entering(root), "deactivate")
    assert place.calls == [f"env enter {result.pid}", f"env leave {result.pid}"]


def test_session_goes_on_when_its_environment_is_entered_again(place: Place) -> None:
    root = place.environment()
    result = place.run(place.entering(root), place.entering(root), "deactivate")
    assert place.calls == [f"env enter {result.pid}"] * 2 + [f"env leave {result.pid}"]


def test_session_begins_before_that_of_another_environment_ends(place: Place) -> None:
    roots = [place.environment(name) for name in ("one", "two")]
    result = place.run(*(place.entering(root) for root in roots), "deactivate")
    expected = ["one enter", "two enter", "one leave", "two leave"]
    assert place.calls == [f"{what} {result.pid}" for what in expected]


def test_refused_session_changes_nothing(place: Place) -> None:
    root = place.environment()
    place.refuse("enter")
    dialect = place.dialect
    first, said, last = place.run(
        dialect.snapshot, "@", dialect.attempt.format(place.entering(root)), "@", dialect.snapshot
    ).sections
    assert (difference(first, last), said.splitlines()[-1:]) == ([], ["failed"])


def test_session_that_cannot_be_ended_keeps_nobody_inside(place: Place) -> None:
    root = place.environment()
    place.refuse("leave")
    dialect = place.dialect
    first, last = place.run(dialect.snapshot, "@", place.entering(root), "deactivate", dialect.snapshot).sections
    assert difference(first, last) == []


def test_destroyed_environment_can_be_left(place: Place) -> None:
    root = place.environment()
    dialect = place.dialect
    remove = f"rm -r {root}"
    first, last = place.sections(dialect.snapshot, "@", place.entering(root), remove, "deactivate", dialect.snapshot)
    assert difference(first, last) == []


def test_destroy_leaves_the_shell_as_it_was(place: Place) -> None:
    root = place.environment(NAME)
    dialect = place.dialect
    lines = (dialect.mine, dialect.snapshot, "@", place.entering(root), "destroy --yes", dialect.snapshot)
    first, last = place.sections(*lines)
    assert (difference(first, last), root.exists()) == ([], False)
    assert place.calls[1:] == [f"destroy -I -m cleanenv destroy --and-leave {root} --yes"]


def test_refused_destroy_leaves_nothing(place: Place) -> None:
    root = place.environment()
    place.refuse("destroy")
    dialect = place.dialect
    result = place.run(place.entering(root), dialect.attempt.format("destroy"), place.show("CLEAN_ENV"), "deactivate")
    assert result.sections[0].splitlines()[-2:] == ["failed", str(root)]
    assert result.stderr.startswith("cleanenv: destroy: refused\n")


@pytest.mark.parametrize("place", ["zsh"], indirect=True)
def test_path_keeps_its_properties(place: Place) -> None:
    root = place.environment()
    first, last = place.sections(
        "typeset -aU path", place.dialect.snapshot, "@", place.entering(root), "deactivate", place.dialect.snapshot
    )
    assert "typeset -aUT PATH path" in first
    assert difference(first, last) == []


@pytest.mark.parametrize("place", ["bash", "dash", "zsh"], indirect=True)
def test_activation_works_in_a_shell_that_ends_at_errors(place: Place) -> None:
    roots = [place.environment(name) for name in ("one", "two")]
    said = place.sections(
        "set -eu", place.entering(roots[0]), place.entering(roots[0]), place.entering(roots[1]), "deactivate", "echo on"
    )
    assert said == ("on",)


@pytest.mark.parametrize("path", ["unset", "empty", "/usr/bin:/bin:", "::/usr/bin"])
def test_deactivate_restores_any_path(place: Place, path: str) -> None:
    root = place.environment()
    before = place.dialect.before
    variables = {"PATH": path} if ":" in path else {}
    first, inside, last = place.sections(
        before[path].format("PATH") if path in before else "",
        "/usr/bin/env",
        "@",
        place.entering(root),
        "/usr/bin/env",
        "@",
        "deactivate",
        "/usr/bin/env",
        **variables,
    )
    paths = [[line for line in section.splitlines() if line.startswith("PATH=")] for section in (first, inside, last)]
    assert paths[0] == paths[2]
    assert paths[1][0].startswith(f"PATH={root}/bin")
