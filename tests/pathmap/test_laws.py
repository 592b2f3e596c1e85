"""The laws of the path map (L1-L10), for random mounts, paths and arguments. Names are bytes of any value."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cleanenv.model.mount import Mount
from cleanenv.pathmap import PathMap, Presence, Status
from tests.pathmap.fake_files import FakeContainer, FakeHost

law = settings(deadline=None)  # how many examples is the profile's to say (conftest.py)

ROOT = Mount("/", "/r", writable=False)

_bytes = st.binary(min_size=1, max_size=5).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_"))
_known = st.sampled_from(
    [b"home", b"u", b"proj", b"srv", b"big", b"usr", b"etc", b"x y", b"\xff\xfe", b"a.c", b"r", b"w"]
)
names = st.one_of(_known, _bytes).filter(lambda name: name not in {b".", b".."})
_beginnings = st.sampled_from([b"", b"", b"/home/u", b"/home/u/proj", b"/srv/big", b"/usr/lib", b"/etc/x y", b"/w"])


def _joined(beginning: bytes, parts: list[bytes]) -> bytes:
    return beginning + b"/" + b"/".join(parts)


paths = st.builds(_joined, _beginnings, st.lists(names, min_size=1, max_size=4))
untidy = st.builds(_joined, _beginnings, st.lists(st.one_of(names, st.sampled_from([b"", b".", b".."])), max_size=6))

# The ends of mounts nest and touch, on both sides, but no end of one side is a place of the other side.
_host_ends = st.sampled_from(["/home/u", "/home/u/proj", "/home/u/proj/big", "/srv", "/srv/big", "/etc/x y", "/w"])
_container_ends = st.sampled_from(["/work", "/work/proj", "/work/proj/big", "/data", "/r/home", "/r/srv/big", "/q"])


@st.composite
def mount_lists(draw: st.DrawFn, *, hidden: bool = True) -> list[Mount]:
    """Up to four mounts besides the root's; `hidden` ones lie over a part of it."""
    hosts = draw(st.lists(_host_ends, max_size=4, unique=True))
    ends = _container_ends if hidden else _container_ends.filter(lambda end: not end.startswith("/r/"))
    containers = draw(st.lists(ends, min_size=len(hosts), max_size=len(hosts), unique=True))
    mounts = [Mount(*both, writable=True) for both in zip(hosts, containers, strict=True)]
    return draw(st.permutations([ROOT, *mounts]))


@dataclass(frozen=True)
class World:
    mounts: list[Mount]
    host: list[bytes]
    container: list[bytes]
    cwd: str

    def map(self, probe: FakeHost | None = None) -> PathMap:
        ends = [mount.host for mount in self.mounts]
        return PathMap(
            self.mounts,
            self.cwd,
            probe=probe or FakeHost([*self.host, *ends, self.cwd]),
            container_has=FakeContainer(self.container),
        )


def _is_shadowed(world: World) -> bool:
    """L2 holds if no host entry has the name of a container's end of a mount."""
    ends = tuple(os.fsencode(mount.container) for mount in world.mounts)
    there = [*world.host, *(os.fsencode(mount.host) for mount in world.mounts), os.fsencode(world.cwd)]
    return any((path + b"/").startswith(end + b"/") for path in there for end in ends)


worlds = st.builds(
    World,
    mounts=mount_lists(hidden=False),
    host=st.lists(st.one_of(paths, st.sampled_from([b"/home/u/x,y=1", b"/home/u/proj/a:b", b"/usr/lib"])), max_size=4),
    container=st.lists(st.one_of(paths, st.just(b"/usr/lib")), max_size=3),
    cwd=st.sampled_from(["/home/u/proj", "/home/u", "/srv/big", "/"]),
)

_shapes = st.sampled_from(
    [
        b"",
        b"-I",
        b"-isystem",
        b"--foo=",
        b"-DX:PATH=",
        b"-Wl,-rpath,",
        b"NAME=",
        b"f=@",
        b"@",
        b"./a:",
        b"file://",
        b"file:",
        b"host:",
        b"s/a/",
        b"http://h",
        b"type=bind,src=",
        b"-",
        b"--",
        b"'",
        b"{",
        b"$X",
        b"::",
        b"..",
    ]
)
_joints = st.sampled_from([b":", b",", b";", b"=", b" ", b"\n", b"::", b"%20", b"/../", b"*"])
pieces = st.one_of(paths, untidy, names, _joints, _shapes)
arguments = st.builds(lambda shape, rest: shape + b"".join(rest), _shapes, st.lists(pieces, max_size=6)).map(
    lambda argument: argument.replace(b"\0", b"_")
)


@law
@given(mount_lists(), paths)
def test_a_host_path_comes_back_from_the_container(mounts: list[Mount], path: bytes) -> None:
    """L1."""
    mapped = PathMap(mounts, "/", probe=FakeHost()).to_container(path)
    assume(mapped.value is not None)
    assert PathMap(mounts, "/").to_host(mapped.value or b"").value == path


@law
@given(mount_lists(), st.integers(0, 4), paths)
def test_a_container_path_is_stable_after_one_turn(mounts: list[Mount], number: int, path: bytes) -> None:
    """L1': another name of the same file may come out, but then that one stays."""
    paths_of = PathMap(mounts, "/", probe=FakeHost())
    host = paths_of.to_host(os.fsencode(mounts[number % len(mounts)].container) + path).value
    assert host is not None
    name = paths_of.to_container(host).value
    assert name is not None
    assert paths_of.to_host(name).value == host
    assert paths_of.to_container(paths_of.to_host(name).value or b"").value == name


@law
@given(worlds, arguments)
def test_a_mapped_argument_is_not_mapped_again(world: World, argument: bytes) -> None:
    """L2."""
    assume(not _is_shadowed(world))
    once = world.map().argument(argument).value
    assert once is not None
    assert world.map().argument(once).value == once


@law
@given(worlds, untidy, arguments, st.randoms(use_true_random=False))
def test_the_order_of_mounts_does_not_matter(world: World, path: bytes, argument: bytes, order: random.Random) -> None:
    """L3."""
    shuffled = list(world.mounts)
    order.shuffle(shuffled)
    other = World(shuffled, world.host, world.container, world.cwd)
    assert world.map().to_container(path) == other.map().to_container(path)
    assert world.map().to_host(path) == other.map().to_host(path)
    assert world.map().argument(argument) == other.map().argument(argument)


@law
@given(paths, names)
def test_a_mount_ends_at_the_end_of_a_name(end: bytes, more: bytes) -> None:
    """L4."""
    mount = Mount(os.fsdecode(end), "/work", writable=True)
    assert PathMap([mount], "/", probe=FakeHost()).to_container(end).value == b"/work"
    assert PathMap([mount], "/", probe=FakeHost()).to_container(end + more).status is Status.UNMAPPABLE


@law
@given(worlds, paths)
def test_a_trailing_slash_commutes(world: World, path: bytes) -> None:
    """L5."""
    for convert in (world.map().to_container, world.map().to_host, world.map().argument):
        without, slash = convert(path), convert(path + b"/")
        assert slash.status is without.status
        # /r and /r/ are both the host's root (M5).
        assert without.value in {None, b"/"} or slash.value == (without.value or b"") + b"/"


@law
@given(st.lists(paths, max_size=3, unique=True), untidy, arguments)
def test_mounts_at_their_own_paths_change_nothing(ends: list[bytes], path: bytes, argument: bytes) -> None:
    """L6: the whole host at its own place, and more mounts below it."""
    places = ["/", *(os.fsdecode(end) for end in ends)]
    mounts = [Mount(place, place, writable=True) for place in places]
    same = PathMap(mounts, "/home/u", probe=FakeHost([*ends, b"/home/u/proj"]))
    normal = os.path.normpath(path)
    assert same.to_container(normal).value == os.fsencode(normal)
    assert same.to_host(normal).value == os.fsencode(normal)
    assert os.path.normpath(same.to_container(path).value or b"").lstrip(b"/") == normal.lstrip(b"/")
    if b".." not in argument:
        assert same.argument(argument).value == argument


@law
@given(worlds, st.binary(max_size=30))
def test_an_argument_without_a_slash_is_never_touched(world: World, argument: bytes) -> None:
    """L8."""
    argument = argument.replace(b"/", b"").replace(b"\0", b"")
    assume(argument != b"..")
    assert world.map().argument(argument).status is Status.UNCHANGED


@law
@given(worlds, arguments, st.sampled_from([b"echo ", b'{"a":"', b"'", b'"', b"~", b"$HOME/a:", b"s,x,", b"+"]))
def test_text_is_never_touched(world: World, argument: bytes, beginning: bytes) -> None:
    """L8."""
    text = beginning + argument.replace(b"..", b"__")
    assert world.map().argument(text).value == text


@law
@given(worlds, st.text("ABCDEFGH_", min_size=1), arguments)
def test_an_unknown_variable_is_never_touched(world: World, name: str, value: bytes) -> None:
    """L8."""
    assert world.map().variable("X" + name, value).value == value


@law
@given(worlds, st.lists(st.one_of(paths, names, st.just(b"")), max_size=6))
def test_a_list_keeps_all_its_elements(world: World, elements: list[bytes]) -> None:
    """L9: each element is mapped as if it stood alone."""
    elements = [element.replace(b":", b"_") for element in elements]
    alone = [world.map().variable("PYTHONPATH", element).value or b"" for element in elements]
    assert world.map().variable("PYTHONPATH", b":".join(elements)).value == b":".join(alone)


@law
@given(worlds, arguments)
def test_only_the_answers_decide(world: World, argument: bytes) -> None:
    """L10: a host that differs in everything that was not asked gives the same result."""
    first = FakeHost([*world.host, *(mount.host for mount in world.mounts), world.cwd])
    result = world.map(first).argument(argument)

    class Other(FakeHost):
        def presence(self, path: bytes) -> Presence:
            assert path in first.asked
            return Presence.PRESENT if path in first.there else Presence.ABSENT

    assert world.map(Other()).argument(argument) == result


@law
@given(worlds, arguments)
def test_bytes_and_text_are_the_same_argument(world: World, argument: bytes) -> None:
    assert world.map().argument(os.fsdecode(argument)) == world.map().argument(argument)
