from __future__ import annotations

import pytest

from cleanenv.engine.apt_sources import AptSource, default_sources, parse_sources, sources_for

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

STANZAS = f"""\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: {KEYRING}

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""

LINES = f"""\
# deb http://comment.example/debian bookworm main
deb http://mirror.example/debian bookworm main contrib # trailing
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by={KEYRING}]  http://mirror.example/debian-security bookworm-security main
nonsense
"""


def nothing(_path: str) -> str | None:
    return None


def test_stanzas_give_a_source_for_each_suite() -> None:
    both = ("main", "contrib")
    assert parse_sources("debian.sources", STANZAS) == (
        AptSource("http://mirror.example/debian", "bookworm", both, KEYRING),
        AptSource("http://mirror.example/debian", "bookworm-updates", both, KEYRING),
        AptSource("http://mirror.example/debian-security", "bookworm-security", ("main",)),
    )


def test_lines_give_a_source_each() -> None:
    assert parse_sources("sources.list", LINES) == (
        AptSource("http://mirror.example/debian", "bookworm", ("main", "contrib")),
        AptSource("http://mirror.example/debian-security", "bookworm-security", ("main",), KEYRING),
    )


def test_source_is_written_as_one_line() -> None:
    source = AptSource("http://mirror.example/debian", "bookworm", ("main", "contrib"), KEYRING)
    assert source.line() == f"deb [signed-by={KEYRING}] http://mirror.example/debian bookworm main contrib"
    assert parse_sources("sources.list", source.line()) == (source,)


def test_suite_comes_first_then_its_updates_and_its_security_fixes() -> None:
    sources = parse_sources("debian.sources", STANZAS)
    chosen = sources_for("debian", "bookworm", tuple(reversed(sources)), nothing)
    assert [source.suite for source in chosen] == ["bookworm", "bookworm-updates", "bookworm-security"]


@pytest.mark.parametrize(
    "other",
    [
        AptSource("https://download.docker.example/linux/debian", "bookworm", ("stable",)),
        AptSource("https://multimedia.example", "bookworm", ("main",)),
        AptSource("https://apt.example/debian", "bookworm", ("main",), "/usr/share/keyrings/other.gpg"),
        AptSource("https://ppa.launchpadcontent.net/a/debian", "bookworm", ("main",)),
        AptSource("file:/srv/debian", "bookworm", ("main",)),
        AptSource("cdrom:[Debian]/", "bookworm", ("main",)),
        AptSource("https://apt.example/debian", "bookworm-pgdg", ("main",)),
    ],
)
def test_repository_of_somebody_else_is_not_taken_for_the_distributions(other: AptSource) -> None:
    own = AptSource("http://mirror.example/debian", "bookworm", ("main",), KEYRING)
    assert sources_for("debian", "bookworm", (other, own), nothing) == (own,)


def test_host_without_the_suite_has_no_sources_for_it() -> None:
    sources = (AptSource("http://mirror.example/debian", "bookworm-security", ("main",)),)
    assert sources_for("debian", "bookworm", sources, nothing) == ()


def test_list_of_mirrors_in_a_file_gives_its_first_one() -> None:
    files = {"/etc/apt/mirrors/debian.list": "# mirrors\nhttp://first.example/debian\tpriority:1\nhttp://b\n"}
    for uri in ("mirror+file:///etc/apt/mirrors/debian.list", "mirror+file:/etc/apt/mirrors/debian.list"):
        source = AptSource(uri, "bookworm", ("main",))
        chosen = sources_for("debian", "bookworm", (source,), files.get)
        assert [each.uri for each in chosen] == ["http://first.example/debian"]


def test_default_sources_are_the_public_ones() -> None:
    assert [source.line() for source in default_sources("debian", "bookworm", "x86_64", is_released=True)] == [
        "deb http://deb.debian.org/debian bookworm main",
        "deb http://deb.debian.org/debian bookworm-updates main",
        "deb http://deb.debian.org/debian-security bookworm-security main",
    ]
    (ports, *_) = default_sources("ubuntu", "jammy", "aarch64", is_released=True)
    assert ports.uri == "http://ports.ubuntu.com/ubuntu-ports"
    (only,) = default_sources("debian", "sid", "x86_64", is_released=False)
    assert only.suite == "sid"
