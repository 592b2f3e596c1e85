"""The bootstrap with programs in place of mmdebstrap: what is made of what they say and do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleanenv.engine.apt_sources import AptSource
from cleanenv.engine.bootstrap import bootstrap, find_tool
from cleanenv.errors import EngineError

SOURCES = [
    AptSource("http://mirror.example/debian", "bookworm", ("main",)),
    AptSource("http://mirror.example/debian", "bookworm-updates", ("main",)),
]

SUCCEEDS = r"""
echo "I: running apt-get update..."
echo "I: downloading packages with apt..."
echo "I: removing tempdir /tmp/x..."
echo "I: creating tarball..." >&2
printf '%s\n' "$@" >"$LOG"
for argument; do case $argument in *.partial) echo a tar >"$argument";; esac; done
"""

FAILS = r"""
for argument; do case $argument in *.partial) echo half a tar >"$argument";; esac; done
echo "I: running apt-get update..."
echo "E: Failed to fetch http://mirror.example/debian/dists/bookworm/InRelease  Could not resolve 'mirror.example'"
echo "E: mmdebstrap failed to run"
exit 25
"""

# Says that it has begun, and waits to be told to stop; then it says that as well.
WAITS = r"""
for argument; do case $argument in *.partial) echo half a tar >"$argument";; esac; done
trap 'echo stopped >"$LOG"; exit 1' TERM
echo "I: running apt-get update..."
mkfifo "$LOG.fifo"
read line <"$LOG.fifo"
"""


class Tool:
    """A program called mmdebstrap, and the directory where its tar shall be."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "bin" / "mmdebstrap"
        self.log = directory / "log"
        self.target = directory / "cache" / "debian.tar"
        self.reports: list[tuple[str, int, int | None]] = []
        self.environ = {"PATH": f"{directory}/bin:/usr/bin:/bin", "LOG": str(self.log)}
        self.path.parent.mkdir()
        self.target.parent.mkdir()

    def does(self, script: str) -> None:
        self.path.write_text(f"#!/bin/sh\n{script}")
        self.path.chmod(0o755)

    def run(self) -> None:
        bootstrap(
            str(self.path), "debian:bookworm", SOURCES, self.target, self.environ, lambda *r: self.reports.append(r)
        )

    def files(self) -> list[str]:
        return sorted(os.listdir(self.target.parent))


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    return Tool(tmp_path)


def test_tar_is_there_when_the_tool_has_succeeded(tool: Tool) -> None:
    tool.does(SUCCEEDS)
    tool.run()
    assert tool.files() == ["debian.tar"]
    assert tool.target.read_text() == "a tar\n"


def test_steps_of_the_tool_are_the_progress(tool: Tool) -> None:
    tool.does(SUCCEEDS)
    tool.run()
    assert tool.reports == [
        ("making debian:bookworm", 0, 7),
        ("making debian:bookworm: reading the package lists", 0, 7),
        ("making debian:bookworm: downloading packages", 1, 7),
        ("making debian:bookworm: writing the image", 6, 7),
        ("making debian:bookworm", 7, 7),
    ]


def test_tool_gets_the_suite_and_all_its_sources(tool: Tool) -> None:
    tool.does(SUCCEEDS)
    tool.run()
    arguments = tool.log.read_text().splitlines()
    assert arguments[-4] == "bookworm"
    assert arguments[-2:] == [
        "deb http://mirror.example/debian bookworm main",
        "deb http://mirror.example/debian bookworm-updates main",
    ]
    assert {"--variant=minbase", "--format=tar"} <= set(arguments)
    assert any(argument.startswith("--include=ca-certificates,python3,") for argument in arguments)
    assert ("--mode=root" if os.geteuid() == 0 else "--mode=unshare") in arguments


def test_options_of_the_hosts_apt_that_the_mirror_needs_are_handed_on(tool: Tool) -> None:
    tool.does(SUCCEEDS)
    config = tool.path.with_name("apt-config")
    config.write_text(
        """#!/bin/sh
        echo 'APT::Architecture "amd64";'
        echo 'Acquire::http "";'
        echo 'Acquire::http::Proxy "http://127.0.0.1:3142";'
        echo 'Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";'
        echo 'Acquire::Check-Valid-Until "false";'
        """
    )
    config.chmod(0o755)
    tool.run()
    options = [line for line in tool.log.read_text().splitlines() if line.startswith("--aptopt")]
    assert options == [
        '--aptopt=Acquire::Languages "none";',
        '--aptopt=Acquire::http::Proxy "http://127.0.0.1:3142";',
        '--aptopt=Acquire::Check-Valid-Until "false";',
    ]


def test_failure_says_the_first_complaint_and_what_to_try_and_leaves_nothing(tool: Tool) -> None:
    tool.does(FAILS)
    with pytest.raises(EngineError) as caught:
        tool.run()
    assert str(caught.value) == (
        "make image debian:bookworm with mmdebstrap: Failed to fetch "
        "http://mirror.example/debian/dists/bookworm/InRelease Could not resolve 'mirror.example'"
    )
    assert caught.value.hint == "to see whether the mirror can be reached: sudo apt-get update"
    assert tool.files() == []


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("E: cannot find newuidmap", "sudo apt-get install uidmap"),
        (
            "E: failed to parse /etc/subuid and /etc/subgid",
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER",
        ),
        ("E: something new", None),
    ],
)
def test_known_failure_has_its_remedy(tool: Tool, said: str, hint: str | None) -> None:
    tool.does(f"echo '{said}'; exit 1")
    with pytest.raises(EngineError) as caught:
        tool.run()
    assert (caught.value.why, caught.value.hint) == (said.removeprefix("E: "), hint)


def test_failure_without_a_word_says_the_status(tool: Tool) -> None:
    tool.does("exit 3")
    with pytest.raises(EngineError, match="exit status 3"):
        tool.run()


def test_interrupt_lets_the_tool_clean_up_and_leaves_nothing(tool: Tool) -> None:
    tool.does(WAITS)

    def interrupt(text: str, _done: int, _total: int | None) -> None:
        if "package lists" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bootstrap(str(tool.path), "debian:bookworm", SOURCES, tool.target, tool.environ, interrupt)
    assert tool.log.read_text() == "stopped\n"
    assert tool.files() == []


def test_older_tar_stays_until_the_new_one_is_complete(tool: Tool) -> None:
    tool.target.write_text("older\n")
    tool.does(FAILS)
    with pytest.raises(EngineError):
        tool.run()
    assert tool.target.read_text() == "older\n"
    tool.does(SUCCEEDS)
    tool.run()
    assert tool.target.read_text() == "a tar\n"


def test_what_a_killed_one_left_is_removed(tool: Tool) -> None:
    tool.target.with_name(".debian.tar.1.partial").write_text("half")
    (tool.target.parent / ".debian.tar.2.partial.abc" / "root").mkdir(parents=True)
    tool.target.with_name(".other.tar.1.partial").write_text("not ours")
    tool.does(SUCCEEDS)
    tool.run()
    assert tool.files() == [".other.tar.1.partial", "debian.tar"]


def test_mmdebstrap_is_preferred_to_debootstrap(tool: Tool) -> None:
    environ = {"PATH": str(tool.path.parent)}
    for program in (tool.path.with_name("debootstrap"), tool.path):
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        assert find_tool(environ) == str(program)
