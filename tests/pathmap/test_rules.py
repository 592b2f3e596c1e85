"""Single rules, for shapes that cases.json does not have."""

from __future__ import annotations

import pytest

from cleanenv.model.mount import DEFAULT_MOUNTS, Mount
from cleanenv.pathmap import PathMap, Status
from tests.pathmap.fake_files import FakeContainer, FakeHost

ROOT = Mount("/", "/r", writable=False)
PROJECT = Mount("/home/u/proj", "/work", writable=True)
CWD = "/home/u/proj"
THERE = [CWD, "/home/u/other", "/home/u/My Docs/a b.txt", "/etc/hosts", "/tmp", "/srv", "/usr"]


def _map(
    *mounts: Mount, cwd: str = CWD, there: list[str] | None = None, links: dict[str, str] | None = None
) -> PathMap:
    host = FakeHost(THERE if there is None else there, links)
    return PathMap(mounts or (ROOT, PROJECT), cwd, probe=host, container_has=FakeContainer())


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        # A1
        ("//home/u/x:/home/u/other", None),
        ("git+file:///home/u/proj/.git#egg=x", "git+file:///work/.git#egg=x"),
        ("file:///home/u/My%20Docs/a%20b.txt", "file:///r/home/u/My%20Docs/a%20b.txt"),
        ("file:///home/u/%zz", None),
        ("file:///home/u/%00", None),
        ("file:////home/u/x", None),
        ("--url=file:///home/u/proj/x", "--url=file:///work/x"),
        ("FILE://LocalHost/home/u/proj/x", "FILE://LocalHost/work/x"),
        ("afile:///home/u/proj/x", None),
        # A2
        ("/home/u/proj/t.py::T", "/work/t.py::T"),
        ("/home/u/proj:ssh://h:/home/u/other", "/work:ssh://h:/home/u/other"),
        ("/home/u/My Docs/a b.txt:12", "/r/home/u/My Docs/a b.txt:12"),
        ("/home/u/run.sh --out=/home/u/other", None),
        ("/home/u/other: not found", None),
        ('/home/u/other:"x"', None),
        ("/home/u/other:x\n/home/u/other", None),
        ("/home/u/new file", "/r/home/u/new file"),
        ("/home/u/proj/a:/etc:/home/u/b", "/work/a:/r/etc:/r/home/u/b"),
        # A3
        ("@/home/u/proj/x.rsp", "@/work/x.rsp"),
        ("@@/home/u/proj/x.rsp", None),
        ("@../other/x", "@/r/home/u/other/x"),
        ("f=@/home/u/proj/p;type=text/plain", "f=@/work/p;type=text/plain"),
        ("-d@/home/u/proj/p", "-d@/work/p"),
        ("../other", "/r/home/u/other"),
        ("../other/", "/r/home/u/other/"),
        ("../other/.", "/r/home/u/other/."),
        ("../new", "/r/home/u/new"),
        ("../new/deep/x", None),
        ("../other:../new", "/r/home/u/other:/r/home/u/new"),
        ("../other/t.py:12", "/r/home/u/other/t.py:12"),
        ("--dir=../other", "--dir=/r/home/u/other"),
        ("src=../other,dst=x", "src=/r/home/u/other,dst=x"),
        ("s/../../", None),
        ("../../../../dev/null", "/dev/null"),
        # A4
        ("-isystem/home/u/proj/i", "-isystem/work/i"),
        ("-isystem=/home/u/proj/i", "-isystem=/work/i"),
        ("-isystem../other", "-isystem/r/home/u/other"),
        ("-iframework/home/u/proj/F", "-iframework/work/F"),
        ("-Xa/home/u/proj", None),
        ("-I=/home/u/proj/i", "-I=/work/i"),
        ("-Wl,-rpath,/home/u/proj/l,-L/home/u/other", "-Wl,-rpath,/work/l,-L/r/home/u/other"),
        ("-Wl,-rpath=/home/u/proj/l", "-Wl,-rpath=/work/l"),
        ("-Wp,-MD,/home/u/proj/x.d", "-Wp,-MD,/work/x.d"),
        ("-javaagent:/home/u/proj/a.jar=o", "-javaagent:/work/a.jar=o"),
        ("-DX=host:/home/u/other", None),
        ("--path=.:/home/u/proj/x", "--path=.:/work/x"),
        ("--opt=NAME=/home/u/proj/x", "--opt=NAME=/work/x"),
        ("--", None),
        ("--/home/u/proj", None),
        ("-/home/u/proj", None),
        ("CFLAGS=-I/home/u/proj", None),
        ("-T/srv/", None),
        # A5
        ("type=bind,src=/home/u/proj,dst=/app", "type=bind,src=/work,dst=/app"),
        ("a=b,c=d e,f=/home/u/proj", None),
        ("core.x=/home/u/proj", None),
        ("9x=/home/u/proj", None),
        # A6
        (".:/home/u/proj/x", ".:/work/x"),
        ("..:/home/u/proj/x", "/r/home/u:/work/x"),
        ("lib/*.jar:/home/u/proj/x", "lib/*.jar:/work/x"),
        ("./a::/home/u/proj", None),
        ("~/a:/home/u/proj", None),
        ("$HOME/a:/home/u/proj", None),
        ("echo a/b:/home/u/proj", None),
        # C
        ("/home/u/proj/**/*.py", "/work/**/*.py"),
        ("/home/u/other/[ab]*", "/r/home/u/other/[ab]*"),
        ("/home/.*", None),
        ("/home/u/new/*.py", None),
        ("/home/u/(a|b)", None),
        ("/home/u/x /y", None),
        ("/library/x", None),
        ("/etc", "/r/etc"),
        ("/etc/nothing", None),
        ("/..", None),
        ("/home/u/..", "/r/home/u/.."),
        ("/usr/../home/u/other", "/r/usr/../home/u/other"),
        ("/home/u/proj/../other", "/r/home/u/other"),
        ("/home/./u//proj/./x//", "/work/./x//"),
    ],
)
def test_argument(argument: str, expected: str | None) -> None:
    result = _map().argument(argument)
    assert result.text == (argument if expected is None else expected), result.rule


def test_a_mounted_directory_with_a_separator_in_its_name_is_one_name() -> None:
    paths = _map(ROOT, Mount("/home/u/a=b:c", "/abc", writable=True), there=["/home/u/a=b:c"])
    assert paths.argument("/home/u/a=b:c/new.o").text == "/abc/new.o"
    assert paths.argument("/home/u/a=b:c/new.o:/home/u/a=b:c:12").text == "/abc/new.o:/abc:12"
    assert paths.argument("/home/u/a=b:cd").text == "/r/home/u/a=b:cd"


def test_the_default_mount_of_tmp_is_the_identity_for_values_too() -> None:
    paths = _map(*DEFAULT_MOUNTS)
    for argument in ("/tmp/x", "-T/tmp", "--dir=/tmp/new", "TMPDIR=/tmp"):
        assert paths.argument(argument).text == argument
    assert paths.variable("TMPDIR", "/tmp").text == "/tmp"


def test_a_hidden_mount_gives_way_to_the_next_of_the_same_length() -> None:
    """M4: /srv at /data is covered by another mount; its second name is not."""
    cover = Mount("/other", "/data", writable=False)
    mounts = [Mount("/x", "/data/sub", writable=False), Mount("/srv", "/data", writable=True)]
    assert _map(*mounts).to_container("/srv/sub/f").status is Status.UNMAPPABLE
    assert _map(*mounts, Mount("/srv", "/again", writable=True)).to_container("/srv/sub/f").text == "/again/sub/f"
    assert _map(cover, *mounts).to_container("/srv/f").status is Status.UNMAPPABLE


def test_dots_that_lead_into_another_mount_are_resolved() -> None:
    """M6."""
    mounts = [Mount("/srv", "/data", writable=False), Mount("/srv/big", "/big", writable=True)]
    assert _map(*mounts).to_container("/srv/x/../big/f").text == "/big/f"
    assert _map(*mounts).to_container("/srv/big/../f").text == "/data/f"
    assert _map(*mounts).to_host("/data/x/../../big/f").text == "/srv/big/f"


@pytest.mark.parametrize(
    ("path", "absolute", "expected"),
    [
        ("x", False, "x"),
        ("x", True, "/work/x"),
        ("", False, ""),
        (".", True, "/work/."),
        ("a/..", False, "a/.."),
        ("..", False, "/r/home/u"),
        ("../proj", False, "/work"),
        ("link/x", False, "/r/srv/x"),
    ],
)
def test_relative_path(path: str, absolute: bool, expected: str) -> None:  # noqa: FBT001 (a parameter of the table)
    """M9."""
    paths = _map(links={"/home/u/proj/link": "/srv"})
    assert paths.to_container(path, absolute=absolute).text == expected


def test_a_relative_path_does_not_stay_where_another_mount_covers_it() -> None:
    """In /r, home is /scratch, and not what `home` means in /."""
    mounts = [ROOT, Mount("/scratch", "/r/home", writable=True)]
    assert _map(*mounts, cwd="/").to_container("home/u").status is Status.UNMAPPABLE
    assert _map(*mounts, cwd="/").to_container("etc").text == "etc"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("x", "x"), ("../r/etc", "/etc"), ("..", None), ("../x", None), ("sub/../x", "sub/../x")],
)
def test_relative_path_of_the_container(path: str, expected: str | None) -> None:
    assert _map().to_host(path).text == expected


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("-I/work/x", "-I/home/u/proj/x"),
        ("/work/a:/r/etc:/usr", "/home/u/proj/a:/etc:/usr"),
        ("../r/etc/hosts", "/etc/hosts"),
        ("/r", "/"),
        ("/", "/"),
        ("host:/work", "host:/work"),
    ],
)
def test_argument_to_host(argument: str, expected: str) -> None:
    assert _map().argument_to_host(argument).text == expected


def test_absolute_links_are_followed_one_after_another() -> None:
    """M8."""
    links = {"/home/u/a": "/srv/b", "/srv/b": "/home/u/proj/c", "/home/u/proj/rel": "../../x"}
    assert _map(links=links).argument("/home/u/a/x").text == "/work/c/x"
    assert _map(links=links).to_container("/home/u/proj/rel/x").text == "/work/rel/x"


def test_links_in_a_circle_end() -> None:
    paths = _map(links={"/home/u/a": "/home/u/b", "/home/u/b": "/home/u/a"})
    assert paths.argument("/home/u/a/x").text in {"/r/home/u/a/x", "/r/home/u/b/x"}


def test_a_link_into_a_kernel_tree_is_meant_for_whoever_opens_it() -> None:
    paths = _map(links={"/etc/mtab": "/proc/self/mounts"})
    assert paths.argument("/etc/mtab").text == "/r/etc/mtab"


def test_links_in_the_path_of_a_mount_stay() -> None:
    """C1: the mount is for this path, wherever it leads."""
    paths = _map(ROOT, Mount("/home/u/link", "/work", writable=True), links={"/home/u/link": "/srv"})
    assert paths.argument("/home/u/link/x").text == "/work/x"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LD_LIBRARY_PATH", "/home/u/lib", None),
        ("JAVA_HOME", "/usr", None),
        ("TEXINPUTS", ".:/home/u/tex//:", ".:/r/home/u/tex//:"),
        ("PYTHONPATH", "../x://usr/x:/home/u/(x)", "../x://usr/x:/r/home/u/(x)"),
        ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/srv/bus,guid=1", "unix:path=/r/srv/bus,guid=1"),
        (
            "DBUS_SESSION_BUS_ADDRESS",
            "unix:abstract=/srv/x;unix:path=/srv/b",
            "unix:abstract=/srv/x;unix:path=/r/srv/b",
        ),
        ("PULSE_SERVER", "/srv/pulse tcp:h unix:/srv/b", "/r/srv/pulse tcp:h unix:/r/srv/b"),
        ("PATH", "/home/u/bin", "/home/u/bin"),
        ("HOME", "/home/u", "/home/u"),
        ("SHELL", "/home/u/sh", "/home/u/sh"),
        ("XDG_DATA_DIRS", "/home/u/share:/usr/share", "/r/home/u/share:/usr/share"),
        ("PWD", "/somewhere/else", "/work"),
        ("PYTHONPAT", "/home/u", "/home/u"),
        ("PYTHONPATHS", "/home/u", "/home/u"),
        ("", "/home/u", "/home/u"),
    ],
)
def test_variable(name: str, value: str, expected: str | None) -> None:
    assert _map().variable(name, value).text == expected


def test_a_dropped_variable_says_so() -> None:
    assert _map().variable("LD_PRELOAD", "/x").status is Status.DROPPED


def test_the_working_directory_is_mapped_or_refused() -> None:
    """M10."""
    assert _map().working_directory().text == "/work"
    assert _map(Mount("/srv", "/srv", writable=True), cwd="/srv/x").working_directory().text == "/srv/x"
    refused = _map(PROJECT, cwd="/srv").working_directory()
    assert (refused.status, refused.value) == (Status.UNMAPPABLE, None)


@pytest.mark.parametrize(
    ("argument", "rule"),
    [
        ("x", "A1 no path"),
        ("/home/u/other", "A2 C host class"),
        ("/home/u/new", "A2 C host class, new"),
        ("-I/home/u/proj", "A4 C1 mount"),
        ("NAME=/dev/null", "A5 C kernel class"),
        ("host:/home/u", "A7 no path"),
        ("../other", "A3 M9 leaves the mount"),
        ("/api", "A2 C unknown class"),
        ("//x", "A2 A1 as it stands"),
    ],
)
def test_the_rule_names_what_decided(argument: str, rule: str) -> None:
    assert _map().argument(argument).rule == rule


def test_an_input_that_maps_to_itself_is_unchanged() -> None:
    assert _map(Mount("/srv", "/srv", writable=True)).argument("/srv/x").status is Status.UNCHANGED
