"""Host links: in the configuration, in what the container sees, and for the server; or nowhere."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cleanenv.configuration_file import dump_configuration, read_configuration
from cleanenv.errors import UsageError
from cleanenv.model.configuration import Configuration
from cleanenv.model.host_link import HostLink
from cleanenv.model.link import Link
from cleanenv.model.user import UserRequest
from cleanenv.operations import host_links
from cleanenv.operations.host_links import parse_host_links
from cleanenv.server.launcher import MARKER, PLACEHOLDER_SIZE
from tests.operations.harness import Bench

SH = Link("sh", "/bin/sh")
CAT = HostLink("cat", "/bin/cat")
SLEEP = HostLink("doze", "/bin/sleep")


@pytest.fixture(autouse=True)
def launcher(bench: Bench) -> None:
    (bench.directory / "native/launcher").write_bytes(b"<" + MARKER.ljust(PLACEHOLDER_SIZE, b"\0") + b">")


def programs(bench: Bench) -> set[str]:
    directory = next((bench.directory / "run/cleanenv").iterdir()) / "host/bin"
    return set(os.listdir(directory)) if directory.exists() else set()


def test_without_host_links_there_is_nothing_for_the_container(bench: Bench) -> None:
    environment = bench.create(SH)
    assert list(environment.runtime.host_directory.iterdir()) == []
    assert bench.mounted[-1].host_variables is None


def test_container_sees_a_launcher_for_each_link_and_a_table(bench: Bench) -> None:
    environment = bench.create(SH, host_links=(CAT, SLEEP))
    assert programs(bench) == {"cat", "doze"}
    launcher = (environment.runtime.host_directory / "bin/cat").read_bytes()
    assert launcher.rstrip(b"\0>") == b"</.cleanenv/host"
    assert os.access(environment.runtime.host_directory / "bin/cat", os.X_OK)
    assert b"\0/bin/sleep\0" in environment.runtime.host_table.read_bytes()
    (spec,) = bench.engine.specs
    assert spec.host_directory == str(environment.runtime.host_directory)


def test_server_has_the_users_variables_for_them_and_no_secrets(bench: Bench) -> None:
    bench.variables = {
        **bench.variables, "SSH_AUTH_SOCK": "/s", "LC_TIME": "C", "LD_PRELOAD": "/x", "PATH": f"{bench.root}/bin:/bin",
    }  # fmt: skip
    bench.create(SH, host_links=(CAT,))
    variables = bench.mounted[-1].host_program_variables()
    assert {"SSH_AUTH_SOCK", "LC_TIME", "XDG_RUNTIME_DIR"} <= set(variables)
    assert not {"SECRET", "LD_PRELOAD"} & set(variables)
    assert variables["PATH"] == "/bin"


def test_link_and_unlink_are_seen_at_once(bench: Bench) -> None:
    environment = bench.create(SH)
    host_links.link(bench.root, (CAT, SLEEP), bench.host)
    host_links.link(bench.root, (CAT,), bench.host)
    assert programs(bench) == {"cat", "doze"}
    assert read_configuration(environment.paths.configuration).host_links == (CAT, SLEEP)
    assert bench.status().host_links == ("cat:/bin/cat", "doze:/bin/sleep")

    host_links.unlink(bench.root, ("cat",), bench.host)
    assert programs(bench) == {"doze"}
    assert b"/bin/cat" not in environment.runtime.host_table.read_bytes()
    host_links.unlink(bench.root, ("doze",), bench.host)
    assert programs(bench) == set()


def test_start_brings_them_back_after_a_reboot(bench: Bench) -> None:
    environment = bench.create(SH, host_links=(CAT,))
    bench.stop()
    for path in (environment.runtime.host_directory / "bin/cat", environment.runtime.host_table):
        path.unlink()
    (environment.runtime.host_directory / "bin").rmdir()
    bench.start()
    assert programs(bench) == {"cat"}


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (HostLink("x", "/no/such"), "the host has no such file"),
        (HostLink("x", "/etc"), "it is no program: not a file that you may execute"),
        (HostLink("x", "/etc/passwd"), "it is no program: not a file that you may execute"),
    ],
)
def test_what_is_no_program_is_refused_before_anything_is_made(bench: Bench, link: HostLink, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        bench.create(SH, host_links=(CAT, link))
    assert (caught.value.what, caught.value.why) == (f"host link {link}", why)
    assert bench.traces() == set()

    bench.create(SH)
    with pytest.raises(UsageError):
        host_links.link(bench.root, (CAT, link), bench.host)
    assert programs(bench) == set()


def test_user_with_another_id_is_not_the_owner(bench: Bench) -> None:
    user = UserRequest("other", os.geteuid() + 1)
    with pytest.raises(UsageError, match="has another id"):
        bench.create(SH, host_links=(CAT,), user=user)
    assert bench.traces() == set()


def test_name_that_is_taken_is_refused(bench: Bench) -> None:
    bench.create(SH, host_links=(CAT,))
    with pytest.raises(UsageError) as caught:
        host_links.link(bench.root, (HostLink("cat", "/bin/sleep"),), bench.host)
    assert (caught.value.why, caught.value.hint) == ("the name is taken by /bin/cat", "cleanenv unlink --host cat")
    with pytest.raises(UsageError, match="no such link"):
        host_links.unlink(bench.root, ("cat", "nothing"), bench.host)
    assert programs(bench) == {"cat"}


def test_name_alone_is_looked_for_in_the_callers_path(bench: Bench, tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    bench.variables = {**bench.variables, "PATH": f".:relative:{tmp_path}:/bin"}
    with pytest.raises(UsageError, match="no such program in PATH"):
        parse_host_links(["tool"], bench.host)
    program.chmod(0o755)
    assert parse_host_links(["tool", "cat", "tool"], bench.host) == (HostLink("tool", str(program)), CAT)


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("", "there is no such program in PATH", "use NAME[:/PATH/ON/THE/HOST]"),
        ("/usr/bin/git", "the name is missing", "--host git:/usr/bin/git"),
        ("a/b", "the name is missing", "--host b:a/b"),
        (":/bin/cat", "'' is no name for a program", "use NAME[:/PATH/ON/THE/HOST]"),
        ("..:/bin/cat", "'..' is no name for a program", "use NAME[:/PATH/ON/THE/HOST]"),
        ("a/b:/bin/cat", "'a/b' is no name for a program", "use NAME[:/PATH/ON/THE/HOST]"),
        (f"{'x' * 256}:/bin/cat", f"'{'x' * 256}' is no name for a program", "use NAME[:/PATH/ON/THE/HOST]"),
        ("cat:bin/cat", "the host path 'bin/cat' is not absolute", "use NAME[:/PATH/ON/THE/HOST]"),
        ("cat:", "the host path '' is not absolute", "use NAME[:/PATH/ON/THE/HOST]"),
        ("no-such-program", "there is no such program in PATH", "use NAME[:/PATH/ON/THE/HOST]"),
    ],
)
def test_bad_text_is_refused(bench: Bench, text: str, why: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_host_links([text], bench.host)
    assert (caught.value.what, caught.value.why, caught.value.hint) == (f"host link {text!r}", why, hint)


def test_two_programs_cannot_have_one_name(bench: Bench) -> None:
    with pytest.raises(UsageError, match="is taken by /bin/cat"):
        parse_host_links(["x:/bin/cat", "x:/bin/sleep"], bench.host)


def test_configuration_file_keeps_them(tmp_path: Path) -> None:
    file = tmp_path / "c"
    links = (HostLink("git", "/usr/bin/git"), HostLink("a = b", "/opt/x, y/z"))
    file.write_bytes(dump_configuration(Configuration(host_links=links)))
    assert read_configuration(file).host_links == links

    typed = Configuration(host_links=(HostLink("git", "/opt/git"), CAT))
    merged = typed.over(replace(Configuration(), host_links=links)).host_links
    assert merged == (HostLink("git", "/opt/git"), links[1], CAT)

    file.write_text("[host_link]\ngit = bin/git\n")
    with pytest.raises(UsageError) as caught:
        read_configuration(file)
    assert caught.value.what == f"configuration {file}, [host_link] git"
