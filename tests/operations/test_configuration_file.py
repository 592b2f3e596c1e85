"""`cleanenv.conf`: written, read back the same, and refused with section and key when it says what cannot be."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleanenv.configuration_file import dump_configuration, read_configuration
from cleanenv.errors import CleanenvError, CorruptStateError, UsageError
from cleanenv.model.configuration import Configuration
from cleanenv.model.host_link import HostLink
from cleanenv.model.link import DEFAULT_LINKS, Link, is_valid_name
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Operands, Profile, Text
from cleanenv.model.snapshot_rule import SnapshotRule
from cleanenv.model.user import UserRequest, parse_user

_KEYS = (
    "keys are base, network, user, idle_timeout, grace, persistent, sudo, publish, deny_env, allow_env, on_activate,"
    " on_deactivate, on_destroy"
)

_SECTIONS = "sections are global, directory, link, host_link, environment, profile, snapshot"

_PROFILE_KEYS = (
    *("operands", "script-options", "map-options", "keep-options", "stop-after-operand", "stop-words", "map-words"),
    *("follow", "follow-unless", "response-files", "text"),
)


def round_trip(configuration: Configuration, directory: Path) -> Configuration:
    file = directory / "cleanenv.conf"
    file.write_bytes(dump_configuration(configuration))
    return read_configuration(file)


@pytest.mark.parametrize(
    "configuration",
    [
        Configuration(),
        Configuration(base="debian:bookworm", network="none", links=()),
        Configuration(links=(Link("cc", "/usr/bin/gcc"), Link(None, "/opt/*"), Link(None, "~/.local/bin/*"))),
        Configuration(
            publish=("8080:80", "127.0.0.1:53:53/udp"),
            user=UserRequest("svc", 999, is_system=True),
            sudo=True,
            persistent=True,
            grace=0,
            deny_env=("AWS_*", "a b"),
            allow_env=("*", "LD_PRELOAD"),
            idle_timeout=0,
            environment=(("A", ""), ("B", "a, b = 'c' # d"), ("lower case", "%(x)s $HOME")),
            on_activate=("mysqld --user=svc, one", "echo 'two' >> ~/log"),
            on_deactivate=("true",),
            on_destroy=("a", "b", "a"),
        ),
        Configuration(
            profiles=(
                Profile(
                    ("lint", "lint-[0-9]*"),
                    operands=Operands.KEEP_FIRST,
                    script_options=("-e",),
                    map_options=("-f", "--file"),
                    keep_options=(),
                    stop_after_operand=2,
                    stop_words=("run",),
                    map_words=("cp", "build"),
                    follow=False,
                    follow_unless=("-L",),
                    response_files=True,
                    text=Text.STDOUT,
                ),
                Profile(("[x]",)),
            )
        ),
        Configuration(
            snapshot_rules=(
                SnapshotRule("pip", "install|uninstall", "pip-{id}"),
                SnapshotRule("pip", r"^pip\s+download, \"x\"$", "{date}_{program}", always=True),
                SnapshotRule("apt-get", "it's"),
                SnapshotRule("g++", "[[x]]"),
            )
        ),
        # Patterns without a wildcard: what is served only if it is there.
        Configuration(links=(Link("x", "/bin/x"), *DEFAULT_LINKS)),
        Configuration(
            mounts=(
                Mount("/a b", "/c d", writable=True),
                Mount("/a:b,c#d=e%(x)s$y[z]'", "/x", writable=False),
                Mount('/with "quotes"', "/y", writable=True),
                Mount("/ends in blanks  ", "/z", writable=False),
                Mount("/line\u2028separator\x85\x0c", "/s", writable=False),
            )
        ),
    ],
)
def test_configuration_is_read_as_it_was_written(configuration: Configuration, tmp_path: Path) -> None:
    assert round_trip(configuration, tmp_path) == configuration


names = st.text(st.sampled_from("ab :,#='\"[]%$\\;*?-~\t\r\x85\u2028é\udcff"), min_size=1, max_size=8).filter(
    lambda name: is_valid_name(name) and name != "*"
)


# A path with a wildcard in it is that of a pattern.
plain_names = names.filter(lambda name: not set(name) & set("*?[]\\"))


@given(st.dictionaries(names, plain_names, max_size=3), st.lists(names, max_size=3, unique=True), names)
@example({"[x": "y"}, [], "a")
@example({}, ["a, b"], "'\"")
def test_any_names_are_kept_or_refused(
    tmp_path_factory: pytest.TempPathFactory, links: dict[str, str], paths: list[str], base: str
) -> None:
    configuration = Configuration(
        base=base,
        mounts=tuple(Mount(f"/{path}", "/x", writable=True) for path in paths),
        links=tuple(Link(name, f"/bin/{path}") for name, path in links.items()),
        snapshot_rules=tuple(SnapshotRule("pip", path, f"x{number}") for number, path in enumerate(links.values())),
    )
    try:
        found = round_trip(configuration, tmp_path_factory.mktemp("configuration"))
    except UsageError as error:
        assert error.why.startswith("it cannot hold the name ")  # noqa: PT017 (both ends are right)
        return
    assert found == configuration


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        (
            "[nonsense]\n",
            "unknown section or key 'nonsense'",
            _SECTIONS,
        ),
        ("base = x\n", "unknown section or key 'base'", _SECTIONS),
        ("[global]\nbse = x\n", "unknown key 'bse' in [global]", _KEYS),
        ("[global]\nbase = a, b\n", "[global] base: ['a', 'b'] is not one value", "base = VALUE"),
        ("[global]\nbase =\n", "[global] base: '' is not one value", "base = VALUE"),
        (
            "[global]\n[[inner]]\n",
            "unknown section 'inner' in [global]",
            _SECTIONS,
        ),
        ("[profile]\ntext = off\n", "[profile] text: the name of the program is missing", "[[PROGRAM]] before text"),
        ("[global]\nsudo = maybe\n", "[global] sudo: 'maybe' is neither True nor False", "sudo = True"),
        ("[directory]\nrelative = /x:rw\n", "[directory] 'relative' is not an absolute path of the host", None),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, why: str, hint: str | None) -> None:
    file = tmp_path / "cleanenv.conf"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_configuration(file)
    error = caught.value
    assert (error.what, error.why, error.hint) == (f"configuration {file}", why, hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[global]\nuser = 1234\n", "[global] user: '1234' is no name for a user"),
        ("[global]\nuser = x:build\n", "[global] user: 'x' is no id of a user"),
        ("[global]\npublish = 80, x\n", "[global] publish: '80' is no port mapping"),
        ("[global]\ngrace = soon\n", "[global] grace: 'soon' is no number of seconds"),
        ("[global]\ngrace = -1\n", "[global] grace: '-1' is no number of seconds"),
        ("[global]\ngrace = 86401\n", "[global] grace: '86401' is no number of seconds"),
        ("[global]\ndeny_env = A, 'B=c'\n", "[global] deny_env: 'B=c' is no name of a variable"),
        ("[global]\nallow_env = 'A=1'\n", "[global] allow_env: 'A=1' is no name of a variable"),
        ("[global]\nidle_timeout = 5m\n", "[global] idle_timeout: '5m' is no number of seconds"),
        ("[environment]\nHOME = /x\n", "[environment] HOME: HOME comes from the user of the environment"),
        ("[environment]\nX = a, b\n", "[environment] X: a comma outside quotes makes a list of it"),
        ("[link]\na/b = /x\n", "[link] a/b: 'a/b' is no name for a program"),
        ("[link]\nx = y\n", "[link] x: the container path 'y' is not absolute"),
        ("[link]\nx = /bin/\n", "[link] x: the path names a directory, not a program"),
        ("[link]\n* = /opt/*, x\n", "[link] *: the container path 'x' is not absolute"),
        ("[snapshot]\npip = x\n", "[snapshot] pip: the name of the program is missing"),
        ("[snapshot]\n[[pip]]\nx = a, b\n", "[snapshot] pip: x: that is no pattern"),
        ("[snapshot]\n[[pip]]\nx =\n", "[snapshot] pip: x: that is no pattern"),
        ("[snapshot]\n[[pip]]\n[[[x]]]\ny = z\n", "[snapshot] pip: x: that is no pattern"),
        ("[snapshot]\n[[a/b]]\nx = a\n", "[snapshot] a/b: 'a/b' is no name of a program"),
        (
            "[snapshot]\n[[pip]]\nx = (\n",
            "[snapshot] pip: '(' is no regular expression (missing ), unterminated subpattern at position 0)",
        ),
        ("[snapshot]\n[[pip]]\n7 = a\n", "[snapshot] pip, name '7': digits alone are the number of a snapshot"),
        ("[directory]\n/p = x\n", "[directory] /p: the container path 'x' is not absolute (modes are rw and ro)"),
        ("[directory]\n/p = /:rw\n", "[directory] /p: the container's / cannot be a mount"),
    ],
)
def test_values_that_the_command_line_refuses_are_refused_by_section_and_key(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "cleanenv.conf"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_configuration(file)
    assert str(caught.value) == f"configuration {file}, {message}"


@pytest.mark.parametrize("content", [b"no line of it is a key\n", b"[global\n", b"\0\xff", b"[link]\nx = 'a\n"])
def test_file_that_is_no_configuration_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "cleanenv.conf"
    file.write_bytes(content)
    with pytest.raises(CorruptStateError, match=f"configuration {file}"):
        read_configuration(file)


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        read_configuration(tmp_path / "cleanenv.conf")


@given(st.binary(max_size=60) | st.text("[]='\",\n glbkdir*/:\\", max_size=60).map(str.encode))
def test_any_file_is_a_configuration_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("configuration") / "cleanenv.conf"
    file.write_bytes(content)
    try:
        read_configuration(file)
    except CleanenvError as error:
        assert error.exit_code in {1, 2}  # noqa: PT017 (both ends are right)


# As its own library writes it, with what it notes in an environment's file later.
OLD = """\
[global]
user = 1000:ann
sudo = True
base = debian:jessie
on_activate = redis-server, 'echo "a, b"'
container_id = 0123456789ab
snapshots = 'pip-1:4d5e6f', 'pip-2:7a8b9c'
profile = None
persistent = false
[directory]
/home/ann/proj = /proj:rw
/opt = /opt:ro
/srv = /srv
[link]
python = /usr/bin/python3
"""


def test_a_file_of_the_first_cleanenv_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / ".cleanenv.conf"
    file.write_text(OLD)
    assert read_configuration(file) == Configuration(
        base="debian:jessie",
        user=UserRequest("ann", 1000),
        sudo=True,
        on_activate=("redis-server", 'echo "a, b"'),
        mounts=(
            Mount("/home/ann/proj", "/proj", writable=True),
            Mount("/opt", "/opt", writable=False),
            Mount("/srv", "/srv", writable=False),
        ),
        links=(Link("python", "/usr/bin/python3"),),
    )


@pytest.mark.parametrize(
    ("words", "value"), [(["True", "true", "yes", "on", "1"], True), (["False", "no", "0"], False)]
)
def test_switches_are_what_the_first_cleanenv_took_for_them(tmp_path: Path, words: list[str], value: bool) -> None:  # noqa: FBT001
    file = tmp_path / ".cleanenv.conf"
    for word in words:
        file.write_text(f"[global]\npersistent = {word}\nsudo = {word}\non_activate = ,\n")
        found = read_configuration(file)
        assert (found.persistent, found.sudo, found.on_activate) == (value, value, ())


texts = st.text(st.sampled_from("ab :,#='\"[]%$\\;*?-~\t\r\n\x85\u2028é\udcff"), max_size=12)
lines = st.lists(texts.filter(bool), max_size=3).map(tuple)
ports = st.sampled_from(["80:80", "127.0.0.1:8080:80/tcp", "[::1]:53:53/udp", "8000-8010:8000-8010"])
patterns = texts.filter(lambda text: text and "=" not in text)
configurations = st.builds(
    Configuration,
    base=st.none() | texts.filter(bool),
    network=st.none() | texts.filter(bool),
    mounts=st.dictionaries(names, st.tuples(plain_names, st.booleans()), max_size=3).map(
        lambda entries: tuple(Mount(f"/{host}", f"/{inside}", mode) for host, (inside, mode) in entries.items())
    ),
    links=st.none()
    | st.dictionaries(names, plain_names, max_size=3).map(
        lambda entries: tuple(Link(name, f"/bin/{path}") for name, path in entries.items())
    ),
    host_links=st.dictionaries(names, plain_names, max_size=3).map(
        lambda entries: tuple(HostLink(name, f"/bin/{path}") for name, path in entries.items())
    ),
    publish=st.lists(ports, max_size=2).map(tuple),
    user=st.none()
    | st.sampled_from(["build", "7:a+b", "system:mysql", "system:9:svc"]).map(lambda text: parse_user(text, "")),
    sudo=st.booleans(),
    persistent=st.booleans(),
    idle_timeout=st.none() | st.integers(0, 10**9),
    grace=st.none() | st.integers(0, 86400),
    environment=st.dictionaries(patterns, texts, max_size=3).map(lambda entries: tuple(entries.items())),
    deny_env=st.lists(patterns, max_size=2).map(tuple),
    allow_env=st.lists(patterns, max_size=2).map(tuple),
    on_activate=lines,
    on_deactivate=lines,
    on_destroy=lines,
)


@given(configurations)
def test_any_configuration_is_kept_or_refused(tmp_path_factory: pytest.TempPathFactory, written: Configuration) -> None:
    try:
        found = round_trip(written, tmp_path_factory.mktemp("configuration"))
    except UsageError as error:
        assert error.why.startswith("it cannot hold the name ")  # noqa: PT017 (both ends are right)
        return
    assert found == written


def test_every_field_is_in_the_file(tmp_path: Path) -> None:
    """A field that is new is read and written as well."""
    full = Configuration(
        base="b",
        mounts=(Mount("/a", "/b", writable=True),),
        links=(Link("x", "/x"),),
        host_links=(HostLink("code", "/usr/bin/code"),),
        network="n",
        publish=("1:1",),
        user=UserRequest("u"),
        sudo=True,
        persistent=True,
        idle_timeout=1,
        grace=2,
        environment=(("A", "b"),),
        deny_env=("C",),
        allow_env=("D",),
        profiles=(Profile(("tool",), operands=Operands.KEEP),),
        snapshot_rules=(SnapshotRule("tool", "x"),),
        on_activate=("e",),
        on_deactivate=("f",),
        on_destroy=("g",),
    )
    default = Configuration()
    for each in fields(Configuration):
        assert getattr(full, each.name) != getattr(default, each.name), each.name
    assert round_trip(full, tmp_path) == full
    assert default.over(full) == full.over(default) == full


def test_what_is_said_first_wins_entry_by_entry() -> None:
    typed = Configuration(
        base="typed",
        mounts=(Mount("/a", "/1", writable=True),),
        links=(Link("cc", "/opt/cc"),),
        environment=(("A", "typed"),),
        on_destroy=("typed",),
        grace=0,
        snapshot_rules=(SnapshotRule("pip", "typed"),),
    )
    file = Configuration(
        base="file",
        network="none",
        mounts=(Mount("/a", "/2", writable=False), Mount("/b", "/b", writable=False)),
        links=(Link("cc", "/usr/bin/cc"), Link("ld", "/usr/bin/ld")),
        environment=(("A", "file"), ("B", "file")),
        on_destroy=("file", "too"),
        sudo=True,
        grace=3,
        allow_env=("A",),
        snapshot_rules=(SnapshotRule("pip", "file"), SnapshotRule("gem", "file")),
    )
    assert typed.over(file) == Configuration(
        base="typed",
        network="none",
        mounts=(Mount("/b", "/b", writable=False), Mount("/a", "/1", writable=True)),
        links=(Link("ld", "/usr/bin/ld"), Link("cc", "/opt/cc")),
        environment=(("A", "typed"), ("B", "file")),
        on_destroy=("typed",),
        sudo=True,
        grace=0,
        allow_env=("A",),
        snapshot_rules=(SnapshotRule("pip", "typed"), SnapshotRule("gem", "file")),
    )
    assert Configuration().over(file) == file


@pytest.mark.parametrize(
    ("name", "line", "why", "hint"),
    [
        ("a", "[[[b]]]", "unknown section 'b'", "write it in [[ ]]"),
        ("a/b", "", "'a/b' is no name of a program", "use a name, or a pattern such as 'gcc-*'"),
        ("a", "operand = map", "unknown key 'operand'", f"keys are {', '.join(_PROFILE_KEYS)}"),
        ("a", "text = all", "text: 'all' is not one of off, stderr, stdout, both", "text = off"),
        ("a", "operands = a, b", "operands: ['a', 'b'] is not one of map, keep, keep-first", "operands = map"),
        ("a", "follow = never", "follow: 'never' is neither True nor False", "follow = True"),
        ("a", "stop-after-operand = -1", "stop-after-operand: '-1' is no number of operands", "stop-after-operand = 1"),
        ("a", "keep-options = e", "keep-options: 'e' is no option", "keep-options = -e"),
        ("a", "map-words = a b", "map-words: there is a blank in 'a b'", "map-words = ONE, OTHER"),
    ],
)
def test_a_profile_that_cannot_be_is_refused(tmp_path: Path, name: str, line: str, why: str, hint: str) -> None:
    file = tmp_path / "cleanenv.conf"
    file.write_text(f"[profile]\n[[{name}]]\n{line}\n")
    with pytest.raises(UsageError) as caught:
        read_configuration(file)
    assert caught.value.what == f"configuration {file}, [profile] [[{name}]]"
    assert (caught.value.why, caught.value.hint) == (why, hint)
