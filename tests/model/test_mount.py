"""`--directory` as it is typed."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanenv.errors import UsageError
from cleanenv.model.mount import DEFAULT_MOUNTS, Mount, parse_directory, with_defaults

HOME = posixpath.expanduser("~")
EXISTING = {"/", "/p", "/p/q", "/c:d", "/c:d:/e", "/w/rel", "/w/a b", "/w", f"{HOME}/x", "/p:rw"}


def parse(text: str) -> Mount:
    return parse_directory(text, working_directory="/w", exists=lambda path: path in EXISTING)


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        # One path is at the same place on both sides.
        ("/p", Mount("/p", "/p", writable=False)),
        ("/p:rw", Mount("/p", "/p", writable=True)),
        ("/p:ro", Mount("/p", "/p", writable=False)),
        ("rel", Mount("/w/rel", "/w/rel", writable=False)),
        ("./rel/:rw", Mount("/w/rel", "/w/rel", writable=True)),
        (".", Mount("/w", "/w", writable=False)),
        ("a b:rw", Mount("/w/a b", "/w/a b", writable=True)),
        ("~/x:rw", Mount(f"{HOME}/x", f"{HOME}/x", writable=True)),
        ("/p/../p//q", Mount("/p/q", "/p/q", writable=False)),
        # Two paths
        ("/p:/x", Mount("/p", "/x", writable=False)),
        ("/p:/x:rw", Mount("/p", "/x", writable=True)),
        ("rel:/x/", Mount("/w/rel", "/x", writable=False)),
        ("/p://x/./y/../z", Mount("/p", "/x/z", writable=False)),
        ("/:/host", Mount("/", "/host", writable=False)),
        # A colon in a path: the host part that exists is meant.
        ("/c:d", Mount("/c:d", "/c:d", writable=False)),
        ("/c:d:rw", Mount("/c:d", "/c:d", writable=True)),
        ("/c:d:/x:rw", Mount("/c:d", "/x", writable=True)),
        ("/c:d:/e", Mount("/c:d:/e", "/c:d:/e", writable=False)),
        ("/p:rw:rw", Mount("/p:rw", "/p:rw", writable=True)),
    ],
)
def test_directory_is_understood(text: str, mount: Mount) -> None:
    assert parse(text) == mount


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("", "the path is empty", "use HOST:CONTAINER[:rw] or PATH[:rw]"),
        (":rw", "the path is empty", "use HOST:CONTAINER[:rw] or PATH[:rw]"),
        ("/missing", "there is no /missing on the host", "mkdir -p /missing"),
        ("/missing:/x:rw", "there is no /missing on the host", "mkdir -p /missing"),
        ("a $b", "there is no /w/a $b on the host", "mkdir -p '/w/a $b'"),
        ("/p:", "the container path is empty", "use /p:/PATH or /p"),
        (
            "/p:x",
            "the container path 'x' is not absolute (modes are rw and ro)",
            "use HOST:CONTAINER[:rw] with a container path that begins with /",
        ),
        (
            "/p:/x:RW",
            "the container path '/x:RW' has a colon in it (modes are rw and ro)",
            "use HOST:CONTAINER[:rw]",
        ),
        ("/p:/", "the container's / cannot be a mount", "mount it at a directory below /"),
        ("/", "the container's / cannot be a mount", "mount it at a directory below /"),
        ("/p:/dev", "/dev belongs to the container itself", "mount it at another directory"),
        ("/p:/x/../proc/y", "/proc/y belongs to the container itself", "mount it at another directory"),
        ("/p:/.cleanenv/run", "/.cleanenv/run belongs to the container itself", "mount it at another directory"),
        ("/p\n", "a path here cannot contain a NUL byte or a newline", None),
        ("/p\0", "a path here cannot contain a NUL byte or a newline", None),
    ],
)
def test_directory_is_refused(text: str, why: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    error = caught.value
    assert (error.what, error.why, error.hint) == (f"directory {text!r}", why, hint)


@given(st.text(alphabet=":/rwo.~ ab\n\0", max_size=20))
def test_any_text_is_a_mount_of_absolute_paths_or_a_usage_error(text: str) -> None:
    try:
        mount = parse_directory(text, working_directory="/w", exists=lambda _: True)
    except UsageError:
        return
    for path in (mount.host, mount.container):
        assert path.startswith("/")
        assert posixpath.normpath(path) in {path, f"/{path}"}


@pytest.mark.parametrize(
    ("given_mounts", "defaults"),
    [
        ((), DEFAULT_MOUNTS),
        ((Mount("/p", "/p", writable=True),), DEFAULT_MOUNTS),
        ((Mount("/", "/host", writable=False),), (Mount("/tmp", "/tmp", writable=True),)),
        ((Mount("/p", "/r", writable=False),), (Mount("/tmp", "/tmp", writable=True),)),
        ((Mount("/tmp", "/tmp", writable=False),), (Mount("/", "/r", writable=False),)),
    ],
)
def test_default_mounts_give_way(given_mounts: tuple[Mount, ...], defaults: tuple[Mount, ...]) -> None:
    assert with_defaults(given_mounts) == defaults + given_mounts
