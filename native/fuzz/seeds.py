"""The first inputs of the fuzz targets: what the real peers send, what the real files hold. For `make fuzz-corpus`.

Each function speaks the language of its target (native/fuzz/targets/, packet.h): what the fuzzer would need days to
guess is written down here, and it goes on from there.
"""

from __future__ import annotations

import itertools
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from cleanenv.launch_table import dump_launch_table
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Profile
from cleanenv.model.snapshot_rule import SnapshotRule

ROOT = Path(__file__).parents[2]

# enum wire_type
SPAWN, DESCRIPTORS, SIGNAL, EXISTS, GLOB, WATCH, TERMINAL, FOREGROUND, CALL, PONG, STRANGER, ACTIVITY = range(1, 13)
STARTED, STOPPED, CONTINUED, EXITED, FAILED, ANSWER, PING = range(16, 23)
# enum kind of packet.c
SEALED, UNSEALED, NULL, DIRECTORY, SOCKET, PIPE, TTY = range(7)

# struct wire_request: head (with four counts), context, limits, processors.
REQUEST = struct.Struct("=IIQIIII IIiIi4x QQ 32Q 16Q")
SEARCH_PATH, NAME_BY_PATH, FOREGROUND_GROUP, HOOK, TEXT = 1, 2, 4, 8, 16


def prefixed(content: bytes) -> bytes:
    """Bytes with their number in front (input_bytes)."""
    return struct.pack("=H", len(content)) + content


def packet(kind: int, content: bytes = b"", *descriptors: bytes) -> bytes:
    return bytes((kind, len(descriptors))) + b"".join(descriptors) + prefixed(content)


def sealed(content: bytes) -> bytes:
    return bytes((SEALED,)) + prefixed(content)


def request(
    paths: list[bytes], arguments: list[bytes], variables: list[bytes], numbers: tuple[int, ...] = (), flags: int = 0
) -> bytes:
    strings = b"".join(string + b"\0" for string in [*paths, *arguments, *variables, b"/home/user"])
    body = struct.pack(f"={len(numbers)}i", *numbers) + strings
    limits = [value for number in range(16) for value in (1024 * number, 2**64 - 1)]
    counts = (len(numbers), len(paths), len(arguments), len(variables))
    state = (flags, 0, 7, 0o22, 5, 0, 1 << 12)
    head = REQUEST.pack(0x766E6C63, 1, REQUEST.size + len(body), *counts, *state, *limits, 3, *[0] * 15)
    return head + body


REQUESTS = (
    request([b"/bin/true"], [b"true"], [b"A=b", b"PATH=/usr/bin:/bin"], (0, 1, 2)),
    request([b"sh", b"./sh"], [b"sh", b"-c", b"exit 7"], [b"PATH=:/opt:/bin:"], (2, 1, 0, 300), SEARCH_PATH),
    request([b"~/.local/bin/x", b"/usr/bin/x*"], [b"/env/bin/x", b""], [], (), NAME_BY_PATH | FOREGROUND_GROUP),
    request([b"/bin/cat"], [], [b"=", b"HOME", b"USER=x"], (5, 4, 3)),
    request([b"git"], [b"/x/git", b"log"], [b"TERM=a", b"LC_ALL=b", b"LANG=/", b"LD_X=y", b"GIT_AUTHOR_NAME=A / B"]),
    request([b"git"], [], []),
    request([b"git"], [b"git"], [], (0, 1), HOOK | TEXT),
)


def seeds_request() -> Iterator[bytes]:
    yield from REQUESTS


def spawn(content: bytes, descriptors: int) -> bytes:
    return packet(SPAWN, struct.pack("=I", descriptors) + content, *[bytes((NULL,))] * descriptors)


def caller(*packets: bytes, mood: int = 0) -> bytes:
    """One of a worker's callers. The mood's bit 8: the worker is the program's parent, else its child, which ends."""
    return bytes((mood | len(packets) - 1,)) + b"".join(packets)


def seeds_worker() -> Iterator[bytes]:
    for content in REQUESTS:
        count = struct.unpack_from("=I", content, 16)[0]
        # A long one: the request is the first descriptor of a raw packet.
        head = struct.pack("=IHHII", 0x766E6C63, 1, SPAWN, count, 0)
        long = packet(0, head, sealed(content), *[bytes((PIPE,))] * count)
        half = packet(SPAWN, struct.pack("=I", 3) + content, b"\2"), packet(DESCRIPTORS, b"", b"\2", b"\2")
        # In the container and on the host, without and with a terminal.
        for terminal in (b"\0", b"\1", b"\2", b"\3"):
            yield terminal + caller(spawn(content, count))
            yield terminal + caller(long)
            for mood in (8, 0xF8):
                yield terminal + caller(spawn(content, count), mood=8) + caller(*half, mood=mood) + caller(long)
    yield b"\0" + caller(packet(EXISTS, b"", sealed(b"/bin\0/nowhere\0")), packet(GLOB, b"", sealed(b"/bin/*\0")))
    yield b"\0" + caller(packet(WATCH, b"", sealed(b"/bin/*\0")), packet(EXISTS, b"", b"\1" + prefixed(b"/\0")))
    terminal_of = struct.pack("=Ii", 0x8800, 7)
    yield b"\0" + caller(packet(TERMINAL, terminal_of, bytes((TTY,)), bytes((SOCKET,))))
    yield b"\1" + caller(packet(TERMINAL, terminal_of, bytes((TTY,))))
    yield b"\0" + caller(packet(SIGNAL, struct.pack("=iI", 9, 0)))
    yield b"\0" + caller(packet(ACTIVITY)) + caller(spawn(REQUESTS[0], struct.unpack_from("=I", REQUESTS[0], 16)[0]))


def seeds_questions() -> Iterator[bytes]:
    patterns = [
        b"~/bin/*", b"~/bin/cc", b"~/bin/a\\*b", b"~/bin/[[]x[]]", b"~/b?n/back\\\\slash", b"~/x[12]/prog", b"/bin/l*",
        b"~/*/*/*", b"~/x2/up/x1/prog", b"/~/odd", b"~/.*/bin/tool", b"/", b"relative", b"~", b"", b"~/bin/[!a-c]*",
    ]  # fmt: skip
    for shape in (0, 1, 3, 0x81):
        for pattern in patterns:
            yield bytes((shape,)) + prefixed(pattern + b"\0")
        yield bytes((shape,)) + prefixed(b"\0".join(patterns) + b"\0")
    yield b"".join(bytes((shape,)) + prefixed(b"~/bin/*\0/x?/*\0") for shape in (0, 1, 2, 3))


def signals(*numbers: int) -> bytes:
    return b"".join(bytes((1, number - 1, 0)) for number in numbers)


def seeds_supervise() -> Iterator[bytes]:
    for status in (0, 1 << 8, 255 << 8, 9, 11 | 0x80, 64):
        yield b"\0" + packet(EXITED, struct.pack("=i", status))
    for stage in range(8):
        for error in (2, 13):
            yield b"\0" + packet(FAILED, struct.pack("=Ii", stage, error))
    end = b"\0" + packet(EXITED, struct.pack("=i", 0))
    for number in (19, 20, 21, 22):
        stop = b"\0" + packet(STOPPED, struct.pack("=i", number))
        yield stop + b"\0" + packet(CONTINUED) + end
        yield b"\3" + stop + signals(18) + stop + b"\0" + packet(CONTINUED) + b"\2" + stop + end
    yield signals(1, 2, 15, 28) + b"\0" + packet(PING) + end


def seeds_replies() -> Iterator[bytes]:
    yield b"\1" + b"\1" + packet(ANSWER, b"", sealed(b"0")) + b"\0"
    yield b"\3" + b"\1" + packet(ANSWER, b"", sealed(b"0120")) + b"\0"
    start = prefixed(b"ok {}\n")
    warned = prefixed(b"ok {}\ton-activate x: it failed\tanother\n")
    error = prefixed(b"error\tbase image\tit is gone\tcleanenv create\n")
    for reply in (start, warned, error, prefixed(b"error\tx"), prefixed(b"")):
        # The socket, connect finds nobody; the server, who answers; the socket again.
        yield b"\0" + b"\0" + b"\2" + reply + b"\0" + b"\0" + b"\0"
    started = b"\1" + packet(STARTED)
    yield b"\2" + b"\0" + b"\2" + started + b"\0" + b"\0" + b"\0"
    yield b"\2" + b"\0" + b"\3" + b"\1" + packet(FAILED, struct.pack("=Ii", 4, 2)) + b"\0" + b"\0" + b"\0"


def seeds_table() -> Iterator[bytes]:
    mounts = (Mount("/", "/r", writable=False), Mount("/home/u/proj", "/work", writable=True))
    links = (
        Link("cc", "/usr/bin/gcc-[12]"),
        Link("python3", "/usr/bin/python3"),
        Link(None, "/usr/local/bin/*"),
        Link(None, "~/.local/bin/[!.]?*"),
    )
    profiles = (Profile(("cc", "p*"), keep_options=("-e", "-f"), stop_after_operand=1), Profile(("[x]*",)))
    rules = (SnapshotRule("pip", "install"), SnapshotRule("cc", ".", always=True))
    for name in ("cc", "inenv", ".hook", ".session", "pip", "[x]*", ".hidden"):
        table = dump_launch_table(
            "/env",
            "/home/u",
            mounts,
            links,
            python="/p",
            profiles=profiles,
            denied_variables=("A_*",),
            allowed_variables=("*", "LD_PRELOAD"),
            snapshot_rules=rules,
        )
        yield prefixed(name.encode()) + table
    yield prefixed(b"cc") + dump_launch_table("/env", "/home/u", (), (), python="/p")


def seeds_pathmap() -> Iterator[bytes]:
    cases = json.loads((ROOT / "tests/pathmap/cases.json").read_text())
    urls = ("file:///home/u/a%20b", "git+file://localhost/home/u/proj/%c3%a9#x", "file:/home/u/%2e%zz")
    for case in [*cases, *(cases[0] | {"input": url} for url in urls)]:
        mounts = case["mounts"][:6]
        ends = b"".join(prefixed(end.encode()) for mount in mounts for end in mount[:2])
        for answers, before in ((0, "-o"), (1, "-o"), (58, "-e run"), (1, f"{case.get('name', 'A')}/l:B/x")):
            words = (case["cwd"], case.get("name", "PYTHONPATH"), before)
            head = bytes((len(mounts) + 7 * 10 * (before != "-o"), answers)) + ends
            yield (
                head
                + b"".join(map(prefixed, map(str.encode, words)))
                + case["input"].encode("utf-8", "surrogateescape")
            )


def seeds_filter() -> Iterator[bytes]:
    """The cases of text, whole, and with a pause at every place where one may be wrong."""
    cases = [case for case in json.loads((ROOT / "tests/pathmap/cases.json").read_text()) if case["kind"] == "text"]
    usual = {"mounts": [["/", "/r"], ["/home/u/my proj", "/work"], ["/w/own", "/w/own"]], "cwd": "/home/u/my proj/a"}
    marks = ("\x1b[01m\x1b[K", "\x1b]8;;file://host", "file://", "u@h:", "\u2019", "\u00bb", "-I", "(", "=", "'", "x")
    own = [f"{mark}{name}{mark}" for mark in marks for name in ("/work/a.", "/r:", "../../work", "/r/work", "/w/own/b")]
    for case in [
        *cases,
        *(usual | {"input": text} for text in [*own, "/work/a\0/work", *map("".join, itertools.pairwise(own))]),
    ]:
        mounts = case["mounts"][:6]
        words = [*(end for mount in mounts for end in mount[:2]), case["cwd"]]
        text = case["input"].encode("utf-8", "surrogateescape")
        for flags, cuts in (
            (0, b""),
            (10 * 7, bytes([1] * 63)),
            (20 * 7, b"/a\0/b\0"),
            (0, bytes([0x83, 0x81, 0x85] * 9)),
        ):
            yield (
                bytes((len(mounts) + flags,))
                + b"".join(prefixed(word.encode()) for word in words)
                + prefixed(cuts)
                + text
            )


# enum step of loop.c
SPEAKS, STARTS, LAUNCHER, LEAVES, READS, CHANGES, JOINS, TIME, SIGNALLED, RELAY, TURNS = range(11)


def seeds_loop() -> Iterator[bytes]:
    def tell(kind: int, content: bytes = b"", launcher: int = 0) -> bytes:
        return bytes((LAUNCHER, launcher)) + packet(kind, content)

    call = bytes((STARTS, 0, 1, 1))
    second = bytes((STARTS, 0, 1, 0))
    for shape in (b"\0", b"\1"):
        for change in range(8):
            yield shape + call + bytes((CHANGES, 1, change, READS, 0))
        for number, flags in ((2, 1), (15, 0), (18, 2), (20, 1), (28, 1), (64, 0)):
            yield shape + call + second + bytes((JOINS, 2, 1)) + tell(SIGNAL, struct.pack("=iI", number, flags))
        yield shape + call + bytes((LEAVES, 0, TIME, 60, CHANGES, 1, 2))
        yield shape + bytes((STARTS, 0, 1, 5, RELAY, 0, STARTS, 0, 1, 4, CHANGES, 1, 0, CHANGES, 2, 0))
        yield shape + call + bytes((TIME, 11, TIME, 31)) + tell(PONG) + tell(FOREGROUND)
        yield shape + call + bytes((CHANGES, 1, 4)) + tell(SIGNAL, struct.pack("=iI", 18, 2)) + bytes((RELAY, 0))
        yield shape + call + bytes((RELAY, 0, CHANGES, 1, 0, TIME, 1, LEAVES, 0, RELAY, 7))
        yield shape + bytes((SPEAKS, 0)) + packet(STARTED) + bytes((CHANGES, 0, 1))
        terminal = packet(TERMINAL, struct.pack("=Ii", 0x8800, 7), b"\4", b"\6", b"\4")
        yield shape + bytes((SPEAKS, 0)) + packet(STARTED) + bytes((SPEAKS, 0)) + terminal + bytes((CHANGES, 1, 0))
        yield shape + bytes((SPEAKS, 0)) + packet(CALL, struct.pack("=iII", 5, 1, 1), b"\2") + call
        yield shape + call + bytes((SPEAKS, 0)) + packet(ACTIVITY, b"", b"\4") + bytes((CHANGES, 1, 0))
        yield shape + call + second + bytes((SIGNALLED, 14, TIME, 90))
        yield shape + bytes((TURNS, 0, TIME, 1, TURNS, 1, TIME, 1, TURNS, 1, TURNS, 0, TIME, 1)) + call
        yield shape + bytes((SPEAKS, 0)) + packet(STRANGER, b"", b"\4") + bytes((STARTS, 1, 1, 0, CHANGES, 0, 0))


SEEDS = {
    name.removeprefix("seeds_"): function for name, function in list(globals().items()) if name.startswith("seeds_")
}


def main() -> None:
    """Write the seeds of the target into the directory."""
    target, directory = sys.argv[1:]
    Path(directory).mkdir(parents=True, exist_ok=True)
    for number, content in enumerate(SEEDS[target]()):
        (Path(directory) / f"{number:03}").write_bytes(content)


if __name__ == "__main__":
    main()
