"""Links are changed in the configuration, in the launch table and in the live directory, or nowhere."""

from __future__ import annotations

import pytest

from cleanenv.configuration_file import read_configuration
from cleanenv.errors import UsageError
from cleanenv.model.link import DEFAULT_LINKS, Link
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
