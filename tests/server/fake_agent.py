"""An agent that lives in a thread: it answers questions about a container that is a dictionary of files.

Follows native/wire/wire.h with its own code, and misbehaves on request: `reply` may be replaced by anything.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import fnmatch
import os
import re
import select
import shutil
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

HOME = "/home/user"
IN_CREATE, IN_DELETE, IN_ISDIR = 0x100, 0x200, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
ALL_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

# A packet and the descriptors beside it (which the agent closes), or None for silence.
Reply = tuple[bytes, Sequence[int]] | None


def header(kind: int = 21, magic: int = 0x766E6C63, version: int = 1) -> bytes:
    return struct.pack("=IHH", magic, version, kind)


def sealed(data: bytes, seals: int = ALL_SEALS) -> int:
    descriptor = os.memfd_create("answer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def match_bytes(pattern: int, path: str, mtime_ns: int = 0, *, size: int = 1, mode: int = 0o100755) -> bytes:
    encoded = os.fsencode(path) + b"\0"
    seconds, nanoseconds = divmod(mtime_ns, 10**9)
    return struct.pack("=IIQqII", pattern, mode, size, seconds, nanoseconds, len(encoded)) + encoded


class FakeAgent:
    """Serves from its construction on. `files` maps each executable file to its mtime_ns."""

    def __init__(self, socket_path: str, files: dict[str, int] | None = None) -> None:
        self.files: dict[str, int] = {} if files is None else files
        self.questions: list[tuple[int, list[str]]] = []
        self.connections = 0
        self.calls, self.idle_ms = 0, 0
        self.reply: Callable[[int, list[str]], Reply] = self.answer
        self.tell_activity: Callable[[], bytes] = self._activity  # an empty answer is silence
        self._path = socket_path
        self._is_stopped = False
        self._changes = tempfile.mkdtemp(prefix="changes-")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.path.lexists(socket_path):
            os.unlink(socket_path)
        self._listener.bind(socket_path)
        self._listener.listen(8)
        self._wake_out, self._wake_in = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> FakeAgent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End like a killed container: the socket's file stays, nobody listens."""
        if not self._is_stopped:
            self._is_stopped = True
            os.write(self._wake_in, b"x")
            self._thread.join()
            self._listener.close()
            os.close(self._wake_in)
            os.close(self._wake_out)
            shutil.rmtree(self._changes)

    def install(self, path: str, mtime_ns: int) -> None:
        """Add a file, or give it another time; who watches hears of it."""
        self.files[path] = mtime_ns
        self.notify()

    def remove(self, path: str) -> None:
        """Remove a file; who watches hears of it."""
        del self.files[path]
        self.notify()

    def notify(self) -> None:
        """Make all watches readable."""
        with tempfile.NamedTemporaryFile(dir=self._changes):
            pass

    def answer(self, kind: int, texts: list[str]) -> Reply:
        """What an agent that works replies."""
        if kind == 4:
            return header(), [sealed(b"".join(b"1" if text in self.files else b"0" for text in texts))]
        if kind == 6:
            return header(), [self._watch()]
        found = b"".join(
            match_bytes(index, path, mtime_ns)
            for index, text in enumerate(texts)
            for path, mtime_ns in sorted(self.files.items())
            if matches(text, path)
        )
        return header(), [sealed(found)]

    def _watch(self) -> int:
        watcher: int = LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        assert LIBC.inotify_add_watch(watcher, os.fsencode(self._changes), IN_CREATE | IN_DELETE) >= 0
        return watcher

    def _serve(self) -> None:
        connections: dict[int, socket.socket] = {}
        while True:
            watched = [self._wake_out, self._listener.fileno(), *connections]
            ready, _, _ = select.select(watched, [], [])
            if self._wake_out in ready:
                break
            if self._listener.fileno() in ready:
                connection, _address = self._listener.accept()
                connections[connection.fileno()] = connection
                self.connections += 1
                continue
            for number in ready:
                if number in connections and not self._serve_one(connections[number]):
                    connections.pop(number).close()
        for connection in connections.values():
            connection.close()

    def _activity(self) -> bytes:
        return header(23) + struct.pack("=QQ", self.calls, self.idle_ms)

    def _serve_one(self, connection: socket.socket) -> bool:
        try:
            packet, descriptors, _flags, _address = socket.recv_fds(connection, 256, 4)
        except ConnectionResetError:  # killed with an answer unread
            return False
        if not packet:
            return False
        _magic, _version, kind = struct.unpack("=IHH", packet)
        if kind == 12:
            told = self.tell_activity()
            if told:
                connection.send(told)
            return True
        assert fcntl.fcntl(descriptors[0], fcntl.F_GET_SEALS) == ALL_SEALS
        data = os.pread(descriptors[0], os.fstat(descriptors[0]).st_size, 0)
        os.close(descriptors[0])
        assert data.endswith(b"\0")
        texts = [os.fsdecode(text) for text in data[:-1].split(b"\0")]
        self.questions.append((kind, texts))
        reply = self.reply(kind, texts)
        if reply is None:
            return True
        answer, numbers = reply
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", numbers))] if numbers else []
        try:
            connection.sendmsg([answer] if answer else [], rights)
        except OSError:
            return False
        finally:
            for number in numbers:
                os.close(number)
        return bool(answer)


def matches(pattern: str, path: str) -> bool:
    """glob(7): the components match one by one, a leading period only literally, a backslash escapes."""
    if pattern.startswith("~/"):
        pattern = HOME + pattern[1:]
    parts, names = pattern.split("/"), path.split("/")
    return len(parts) == len(names) and all(map(_component_matches, parts, names))


def _component_matches(part: str, name: str) -> bool:
    if name.startswith(".") and not part.startswith("."):
        return False
    # fnmatch has no escape, but a bracket of one character is one.
    return fnmatch.fnmatchcase(name, re.sub(r"\\(.)", lambda m: f"[{m[1]}]", part, flags=re.DOTALL))
