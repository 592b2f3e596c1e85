"""`cleanenv create`: what is typed goes over the file, the file over the default; an error says where it was said."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Run
from tests.engine.fake_engine import FakeEngine


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a directory to mount."""
    for name in ("here", "mine"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("OWN", "of the caller")
    return tmp_path / "here"


@pytest.fixture
def generate(run: Run, here: Path) -> Callable[..., str]:
    """The configuration that those options and the file in the current directory make."""

    def generate(*options: str, file: str | None = None) -> str:
        path = here / ".cleanenv.conf"
        path.unlink(missing_ok=True)
        if file is not None:
            path.write_text(file)
        code, output, errors = run("create", *options, "--generate-config-file")
        assert (code, errors) == (0, "")
        return output

    return generate


REFUSALS = (" already\n", "is taken by", "it cannot hold the name")
NOTHING = "[global]\n[directory]\n"


def test_without_options_and_a_file_nothing_is_said(generate: Callable[..., str]) -> None:
    assert generate() == NOTHING


@pytest.mark.parametrize(
    ("typed", "key", "said", "of_file", "of_option"),
    [
        (["-b", "typed"], "base", "file", "file", "typed"),
        (["--network", "lab"], "network", "none", "none", "lab"),
        (["-u", "7:typed"], "user", "system:mysql", "system:mysql", "7:typed"),
        (["--idle-timeout", "off"], "idle_timeout", "60", "60", "0"),
        (["--grace", "9"], "grace", "3", "3", "9"),
        (["--publish", "1:1"], "publish", "2:2, 3:3", "2:2, 3:3", "1:1"),
        (["--deny-env", "A", "--deny-env", "B*"], "deny_env", "C", "C", 'A, "B*"'),
        (["--allow-env", "A"], "allow_env", "B, C", "B, C", "A"),
        (["--on-activate", "a", "--on-activate", "b"], "on_activate", "c", "c", "a, b"),
        (["--on-deactivate", "a b"], "on_deactivate", "c", "c", '"a b"'),
        (["--on-destroy", "a"], "on_destroy", "c, d", "c, d", "a"),
        (["--sudo"], "sudo", "False", None, "True"),
        (["--persistent"], "persistent", "False", None, "True"),
        ([], "sudo", "yes", "True", "True"),
        ([], "persistent", "on", "True", "True"),
    ],
)
def test_option_goes_over_the_file_and_the_file_over_the_default(
    generate: Callable[..., str], typed: list[str], key: str, said: str, of_file: str | None, of_option: str
) -> None:
    def only(value: str | None) -> str:
        return NOTHING if value is None else f"[global]\n{key} = {value}\n[directory]\n"

    file = f"[global]\n{key} = {said}\n"
    assert generate(file=file) == only(of_file)
    assert generate(*typed, file=file) == only(of_option)
    if typed:
        assert generate(*typed) == only(of_option)


def test_entries_of_tables_go_over_their_like(generate: Callable[..., str], here: Path) -> None:
    mine = here.parent / "mine"
    file = (
        f"[directory]\n{mine} = /of-file\n{here} = /here:rw\n[link]\ncc = /of/file\nld = /usr/bin/ld\n* = /opt/*\n"
        "[environment]\nA = of file\nB = of file\n"
    )
    typed = ["-d", f"{mine}:/typed:rw", "--program", "cc:/typed", "--env", "A=typed", "--env", "OWN"]
    assert generate(*typed, file=file) == (
        f"[global]\n[directory]\n{here} = /here:rw\n{mine} = /typed:rw\n"
        '[link]\nld = /usr/bin/ld\ncc = /typed\n* = "/opt/*"\n'
        '[environment]\nA = typed\nB = "of file"\nOWN = "of the caller"\n'
    )


def test_named_file_is_read_in_place_of_the_one_in_the_directory(
    generate: Callable[..., str], here: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.conf"
    other.write_text("[global]\nbase = other\n")
    expected = "[global]\nbase = other\n[directory]\n"
    assert generate("--config", str(other), file="[global]\nbase = here\nsudo = True\n") == expected
    assert generate("-c", os.path.relpath(other, here)) == expected


_words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=6).filter(
    lambda text: not text.startswith("-")
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("--base-image"), _words),
            st.tuples(st.just("--network"), _words),
            st.tuples(st.just("--user"), st.sampled_from(["ann", "7:build", "system:mysql", "CORP\\ann", "x" * 40])),
            st.tuples(st.just("--env"), st.tuples(st.sampled_from("ABC"), st.text(max_size=6)).map("=".join)).filter(
                lambda pair: not set(pair[1]) & set("\0\r") and pair[1].isprintable() | ("\n" in pair[1])
            ),
            st.tuples(st.sampled_from(["--on-activate", "--on-deactivate", "--on-destroy"]), _words),
            st.tuples(st.sampled_from(["--deny-env", "--allow-env"]), _words.filter(lambda text: "=" not in text)),
            st.tuples(st.just("--publish"), st.sampled_from(["80:80", "127.0.0.1:53:53/udp", "[::1]:1-2:1-2"])),
            st.tuples(st.just("--link"), st.sampled_from(["/bin/sh", "cc:/usr/bin/gcc", "/opt/*", "x y:/z"])),
            st.tuples(st.just("--directory"), st.sampled_from(["/usr", "/usr:/x:rw", "../mine:rw", ".:/y:ro"])),
            st.tuples(st.just("--host-link"), st.sampled_from(["true", "x:/bin/false"])),
            st.tuples(st.just("--idle-timeout"), st.sampled_from(["off", "0", "600"])),
            st.tuples(st.just("--grace"), st.integers(0, 86400).map(str)),
            st.sampled_from([("--sudo",), ("--persistent",)]),
        ),
        max_size=6,
    )
)
def test_generated_file_says_what_the_options_said(run: Run, here: Path, options: list[tuple[str, ...]]) -> None:
    code, written, errors = run("create", *(word for option in options for word in option), "--generate-config-file")
    if code != 0:
        # Only what contradicts itself, and what no file can hold.
        assert any(why in errors for why in REFUSALS), errors
        return
    file = here.parent / "generated.conf"
    file.write_bytes(os.fsencode(written))
    assert run("create", "-c", str(file), "--generate-config-file") == (0, written, "")


# Errors


def refused(run: Run, here: Path, text: str) -> tuple[str, str]:
    """What create says of that file, and the hint; nothing was made."""
    file = here / "my.conf"
    file.write_text(text)
    code, output, errors = run("create", "-c", "my.conf", "-b", "localhost/x:1", "env")
    said, *hint = errors.splitlines()
    assert (code, output, os.listdir(here)) == (2, "", ["my.conf"])
    assert said.startswith("cleanenv: configuration my.conf"), said
    return said.removeprefix("cleanenv: configuration my.conf"), "".join(hint).removeprefix("hint: ")


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[globl]\n", ": unknown section or key 'globl'", "sections are global, directory, link, "),
        ("[global]\nbas = x\n", ": unknown key 'bas' in [global]", "keys are base, network, user, "),
        ("[global]\nbase = a, b\n", ": [global] base: ['a', 'b'] is not one value", "base = VALUE"),
        ("[global]\nsudo = maybe\n", ": [global] sudo: 'maybe' is neither True nor False", "sudo = True"),
        ("[global]\npersistent = 2\n", ": [global] persistent: '2' is neither True nor False", "persistent = True"),
        ("[global]\nuser = x:y\n", ", [global] user: 'x' is no id of a user", "use [system:][ID:]NAME"),
        (
            "[global]\ngrace = 1.5\n",
            ", [global] grace: '1.5' is no number of seconds",
            "use a whole number up to 86400",
        ),
        ("[global]\nidle_timeout = x\n", ", [global] idle_timeout: 'x' is no number of seconds", "use whole seconds"),
        ("[global]\npublish = 80\n", ", [global] publish: '80' is no port mapping", "use [HOST-IP:]HOST:CONTAINER"),
        ("[global]\ndeny_env = A=B\n", ", [global] deny_env: 'A=B' is no name of a variable", "use NAME, or a pattern"),
        ("[global]\nallow_env = A=B\n", ", [global] allow_env: 'A=B' is no name of a variable", "use NAME, or"),
        ("[directory]\n/usr = x\n", ", [directory] /usr: the container path 'x' is not absolute", "use HOST:CONTAINER"),
        ("[directory]\nx = /x\n", ": [directory] 'x' is not an absolute path of the host", ""),
        (
            "[directory]\n/no/such = /x\n",
            ", [directory] /no/such = /x: there is no /no/such on the host",
            "mkdir -p /no/such",
        ),
        ("[link]\ncc = gcc\n", ", [link] cc: the container path 'gcc' is not absolute", "use [NAME:]/PATH"),
        ("[link]\nactivate = /x\n", ", [link] activate: 'activate' is a name of the live directory", "use another"),
        ("[environment]\nHOME = /x\n", ", [environment] HOME: HOME comes from the user", "use --user"),
        (
            "[global]\nnetwork = labor\n",
            ", [global] network = labor: the engine has none of that name, but bridge, host, lab, none",
            "docker network create labor",
        ),
        (
            "[global]\nnetwork = host\npublish = 80:80, 90:90\n",
            ", [global] publish = 80:80, 90:90: in the host's network every port is the host's already",
            "leave --publish away",
        ),
        ("[global]\nbase\n", ": Invalid line ('base') (matched as neither section nor keyword) at line 2.", ""),
        ("[global]\nbase = a\nbase = b\n", ": Duplicate keyword name at line 3.", ""),
        ("[global\n", ": ", ""),
    ],
)
def test_error_of_the_file_names_it_with_section_and_key(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str, hint: str
) -> None:
    monkeypatch.setattr("cleanenv.cli.create.engine_connector", lambda _: FakeEngine)
    found = refused(run, here, text)
    assert (found[0].startswith(said), found[1].startswith(hint)) == (True, True), found


def test_home_of_a_user_of_the_file_that_is_on_a_mount_names_the_file(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = FakeEngine()
    engine.add_image("localhost/x:1")
    monkeypatch.setattr("cleanenv.cli.create.engine_connector", lambda _: lambda: engine)
    mine = here.parent / "mine"
    assert refused(run, here, f"[global]\nuser = 7:build\n[directory]\n{mine} = /home\n") == (
        f", [global] user = 7:build: the home /home/build is on the mount /home, and {mine}/build is not there",
        f"mkdir {mine}/build",
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--config", "none.conf"], "configuration none.conf: No such file or directory"),
        (["--config", "."], "configuration .: Is a directory"),
        (["-u", "x:y"], "option --user: 'x' is no id of a user"),
        (["--network", ""], "option --network: its name is empty"),
        (["--publish", "80"], "option --publish: '80' is no port mapping"),
        (["--env", "HOME=/x"], "option --env: HOME comes from the user of the environment"),
        (["--env", "NOT_SET_HERE"], "option --env: NOT_SET_HERE is not set here"),
        (["--grace", "x"], "option --grace: 'x' is no number of seconds"),
        (["--idle-timeout", "-1"], "option --idle-timeout: '-1' is no number of seconds"),
        (["--deny-env", ""], "option --deny-env: '' is no name of a variable"),
        (["--allow-env", "A=B"], "option --allow-env: 'A=B' is no name of a variable"),
    ],
)
def test_error_of_an_option_names_it(run: Run, here: Path, options: list[str], said: str) -> None:
    code, output, errors = run("create", *options, "env")
    assert (code, output, errors.splitlines()[0], os.listdir(here)) == (2, "", f"cleanenv: {said}", [])
