"""The wire format as a stranger would write it: whatever he likes (native/wire/wire.h)."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct

MAGIC = 0x766E6C63
SPAWN, DESCRIPTORS, SIGNAL, EXISTS, GLOB, WATCH, TERMINAL, FOREGROUND, CALL, PONG, STRANGER = range(1, 12)
STARTED, STOPPED, CONTINUED, EXITED, FAILED, ANSWER, PING = range(16, 23)
STAGE_REQUEST = 1
# struct wire_request: head, context, limits, processors.
REQUEST = struct.Struct("=IIQIIII IIiIi4x QQ 32Q 16Q")


def header(kind: int, magic: int = MAGIC, version: int = 1) -> bytes:
    return struct.pack("=IHH", magic, version, kind)


def kind_of(packet: bytes) -> int:
    kind: int = struct.unpack_from("=IHH", packet)[2]
    return kind


def number_in(packet: bytes) -> int:
    number: int = struct.unpack_from("=i", packet, 8)[0]
    return number


def sealed(content: bytes, seals: int = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE) -> int:
    descriptor = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(descriptor, content)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def send(connection: socket.socket, packet: bytes, *descriptors: int) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    connection.sendmsg([packet], rights)


def request(
    *strings: bytes,
    descriptors: int = 0,
    size: int | None = None,
    counts: tuple[int, int, int] = (1, 1, 0),
    group: int = 0,
) -> bytes:
    """`counts` are those of the candidates, the arguments and the variables; the directory is the last string."""
    body = b"".join(string + b"\0" for string in strings)
    total = REQUEST.size + len(body) if size is None else size
    head = REQUEST.pack(
        MAGIC, 1, total, descriptors, *counts, 0, 0, group, 0o22, 0, 0, 0, *([2**64 - 1] * 32), *([0] * 16)
    )
    return head + body


def spawn(*strings: bytes, arguments: int, group: int = 0) -> bytes:
    """A whole SPAWN without descriptors, whose request is in the packet."""
    content = request(*strings, counts=(1, arguments, 0), group=group)
    return header(SPAWN) + struct.pack("=II", 0, len(content)) + content
