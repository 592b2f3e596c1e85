"""Links are changed in the configuration, in the launch table and in the live directory, or nowhere."""

from __future__ import annotations

import pytest

from cleanenv.configuration_file import read_configuration
from cleanenv.errors import UsageError
from cleanenv.model.link import DEFAULT_LINKS, Link
from cleanenv.model.profile import Operands, Profile, Text
from tests.operations.harness import Bench

SH = Link("sh", "/bin/sh")
LS = Link("ls", "/bin/ls")
OPT = Link(None, "/opt/*")


def links(bench: Bench) -> tuple[Link, ...] | None:
    return read_configuration(bench.root / "cleanenv.conf").links


def test_link_is_added_to_those_there_are(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.link(LS, OPT)
    assert links(bench) == (SH, LS, OPT)
    table = environment.runtime.launch_table.read_bytes()
    assert b"\0/bin/ls\0" in table


def test_link_that_is_there_already_is_fine(bench: Bench) -> None:
    bench.create(SH, OPT)
    bench.link(SH, OPT)
    assert links(bench) == (SH, OPT)


def test_link_beside_the_default_ones_keeps_them(bench: Bench) -> None:
    bench.create()
    bench.link(SH)
    found = links(bench)
    assert found is not None
    assert set(found) == {SH, *DEFAULT_LINKS}


def test_options_of_a_link_are_kept_in_its_profile(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.link(LS, SH, options=Profile((), operands=Operands.KEEP))
    bench.link(SH, options=Profile((), stop_after_operand=0, text=Text.BOTH))
    configuration = read_configuration(bench.root / "cleanenv.conf")
    assert configuration.links == (SH, LS)
    assert configuration.profiles == (
        Profile(("sh",), operands=Operands.KEEP, stop_after_operand=0, text=Text.BOTH),
        Profile(("ls",), operands=Operands.KEEP),
    )
    # What is built in for ls goes on to hold.
    assert b"\0-l -d -g -n -o --directory\0" in environment.runtime.launch_table.read_bytes()
    bench.link(SH, options=Profile((), operands=Operands.MAP))
    assert read_configuration(bench.root / "cleanenv.conf").profiles[0] == Profile(
        ("sh",), operands=Operands.MAP, text=Text.BOTH
    )


def test_options_leave_the_default_links_as_they_are(bench: Bench) -> None:
    bench.create()
    pattern = next(each for each in DEFAULT_LINKS if each.path == "/usr/bin/gcc-[0-9]*")
    bench.link(pattern, options=Profile((), text=Text.BOTH))
    configuration = read_configuration(bench.root / "cleanenv.conf")
    assert (configuration.links, configuration.profiles) == (None, (Profile(("gcc-[0-9]*",), text=Text.BOTH),))


def test_options_for_a_pattern_of_all_names_are_refused(bench: Bench) -> None:
    bench.create(SH)
    with pytest.raises(UsageError, match="this pattern is for all"):
        bench.link(OPT, options=Profile((), text=Text.BOTH))
    assert links(bench) == (SH,)


def test_link_starts_the_container_to_look(bench: Bench) -> None:
    bench.create(SH)
    bench.stop()
    bench.link(LS)
    assert bench.engine.only().is_running


def test_name_that_is_taken_is_refused(bench: Bench) -> None:
    bench.create(SH)
    with pytest.raises(UsageError) as caught:
        bench.link(Link("sh", "/bin/ls"))
    assert (caught.value.why, caught.value.hint) == ("the name is taken by /bin/sh", "cleanenv unlink sh")
    assert links(bench) == (SH,)


def test_link_to_nothing_is_refused_with_all_its_company(bench: Bench) -> None:
    bench.create(SH)
    with pytest.raises(UsageError) as caught:
        bench.link(LS, Link("x", "/no/su ch"))
    assert (caught.value.why, caught.value.hint) == (
        "the container has no such file",
        f"cleanenv exec -e {bench.root} -- ls -l /no",
    )
    assert links(bench) == (SH,)


def test_links_are_taken_out_by_name_and_by_pattern(bench: Bench) -> None:
    bench.create(SH, LS, OPT)
    bench.unlink("ls", "/opt/*")
    assert links(bench) == (SH,)


def test_last_link_can_be_taken_out(bench: Bench) -> None:
    bench.create(SH)
    bench.unlink("sh")
    assert links(bench) == ()


@pytest.mark.parametrize(
    ("names", "why", "hint"),
    [
        (("nothing",), "the environment has no such link", "cleanenv status"),
        (("sh", "nothing"), "the environment has no such link", "cleanenv status"),
        (("x",), "it comes from the pattern /opt/x*", "cleanenv unlink '/opt/x*'"),
    ],
)
def test_unlink_of_what_is_no_link_changes_nothing(bench: Bench, names: tuple[str, ...], why: str, hint: str) -> None:
    pattern = Link(None, "/opt/x*")
    bench.create(SH, pattern)
    with pytest.raises(UsageError) as caught:
        bench.unlink(*names)
    assert (caught.value.why, caught.value.hint) == (why, hint)
    assert links(bench) == (SH, pattern)
