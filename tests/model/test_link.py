"""`--link` as it is typed, and what a link serves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanenv.errors import UsageError
from cleanenv.model.link import DEFAULT_LINKS, RESERVED_NAMES, Link, is_valid_name, parse_link, parse_links


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("/usr/bin/python3", Link("python3", "/usr/bin/python3")),
        ("py:/usr/bin/python3", Link("py", "/usr/bin/python3")),
        ("~/.local/bin/x", Link("x", "~/.local/bin/x")),
        ("x:~/bin/y", Link("x", "~/bin/y")),
        ("//usr//bin/./x/../cc", Link("cc", "/usr/bin/cc")),
        ("a b:/bin/c d", Link("a b", "/bin/c d")),
        ("c++:/usr/bin/g++", Link("c++", "/usr/bin/g++")),
        ("/bin/a:b", Link("a:b", "/bin/a:b")),
        ("/usr/local/bin/*", Link(None, "/usr/local/bin/*")),
        ("~/.local/bin/py*", Link(None, "~/.local/bin/py*")),
        ("/opt/*/bin/[a-z]?", Link(None, "/opt/*/bin/[a-z]?")),
    ],
)
def test_link_is_understood(text: str, link: Link) -> None:
    assert parse_link(text) == link


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the container path is not absolute"),
        ("gcc", "the container path is not absolute"),
        ("bin/gcc", "the container path is not absolute"),
        ("cc:bin/gcc", "the container path 'bin/gcc' is not absolute"),
        ("cc:", "the container path '' is not absolute"),
        ("~root/bin/x", "the container path is not absolute"),
        ("/bin/", "the path names a directory, not a program"),
        ("/bin/..", "the path names a directory, not a program"),
        ("x:/", "the path names a directory, not a program"),
        ("~/", "the path names a directory, not a program"),
        (":/bin/x", "'' is no name for a program"),
        ("..:/bin/x", "'..' is no name for a program"),
        ("a/b:/bin/x", "'a/b' is no name for a program"),
        ("*:/bin/x", "'*' is no name for a program"),
        (f"{'é' * 128}:/bin/x", f"'{'é' * 128}' is no name for a program"),
        ("destroy:/bin/x", "'destroy' is a name of the live directory itself"),
        ("/bin/activate", "'activate' is a name of the live directory itself"),
        ("x:/bin/*", "a pattern serves its programs under their own names"),
        ("/bin/\\*", "a pattern is made of *, ?, [abc], [a-z] and [!abc] only"),
        ("/bin/x\0", "a path cannot contain a NUL byte"),
    ],
)
def test_link_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_link(text)
    assert (caught.value.what, caught.value.why) == (f"link {text!r}", why)


@given(st.text(alphabet=":/*?[]~. ab\\\0", max_size=16))
def test_any_text_is_a_link_or_a_usage_error(text: str) -> None:
    try:
        link = parse_link(text)
    except UsageError:
        return
    assert link.path.startswith(("/", "~/"))
    assert link.name is None or is_valid_name(link.name)


def test_same_link_twice_is_one() -> None:
    links = ["/bin/a", "/bin/*", "a:/bin/a", "/bin/*"]
    assert parse_links(links) == (Link("a", "/bin/a"), Link(None, "/bin/*"))


def test_two_links_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        parse_links(["/bin/a", "/opt/a"])
    error = caught.value
    assert (error.why, error.hint) == (
        "the name 'a' is taken by /bin/a",
        "give one of them another name: --link OTHER:/opt/a",
    )


@pytest.mark.parametrize(
    ("link", "name", "path"),
    [
        (Link("cc", "/bin/gcc"), "cc", "/bin/gcc"),
        (Link("cc", "/bin/gcc"), "gcc", None),
        (Link(None, "/bin/g*"), "gcc", "/bin/gcc"),
        (Link(None, "/bin/g*"), "cc", None),
        (Link(None, "/bin/*"), ".hidden", None),
        (Link(None, "/bin/.*"), ".hidden", "/bin/.hidden"),
        (Link(None, "/opt/*/bin/a?"), "ab", "/opt/*/bin/ab"),
        (Link(None, "/bin/[!a]*"), "abc", None),
    ],
)
def test_link_serves_the_names_that_it_matches(link: Link, name: str, path: str | None) -> None:
    assert link.path_for(name) == path


def test_default_links_are_patterns_that_replace_no_system_program() -> None:
    assert all(link.is_glob for link in DEFAULT_LINKS)
    system = [link for link in DEFAULT_LINKS if link.path.startswith("/usr/bin/")]
    for name in ("ls", "sh", "bash", "cat", "env", "sudo", "ssh", "git", "apt-get", "docker"):
        assert not any(link.path_for(name) for link in system)
    for name in ("python3", "python3.11", "pip", "gcc-12", "ruby3.1", "node", "cc"):
        assert any(link.path_for(name) for link in system)


@pytest.mark.parametrize("name", [*sorted(RESERVED_NAMES), "", ".", "..", "a/b", "a\0", "x" * 256])
def test_name_that_the_live_directory_cannot_serve(name: str) -> None:
    assert not is_valid_name(name)


@pytest.mark.parametrize("name", ["x", "-x", "a b", "é", "x" * 255, "[", "activate.txt", "\udcff"])
def test_name_that_the_live_directory_can_serve(name: str) -> None:
    assert is_valid_name(name)
