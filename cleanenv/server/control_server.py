"""The control socket's server: a thread accepts, a thread of its own serves each connection.

A client that is silent or sends nonsense costs itself its connection and others nothing; only the
environment's owner and root are served. Threads are started by `start`, which must not come before the last
fork of the process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from cleanenv.errors import CleanenvError, MountError, UsageError
from cleanenv.server.control import SOCKET_PATH_MAX, encode_answer, encode_error, parse_request, read_line

__all__ = ["END_SIGNALS", "Answer", "ControlServer", "Handler"]

# Left to the main thread: libfuse ends its loop when its own read is interrupted by one of them.
END_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

_LINE_MAX = 64 << 10  # bytes
_RELOAD_MAX = 1 << 20
_REQUEST_TIMEOUT_S = 5.0
_CONNECTIONS_MAX = 64  # at once; more wait in the socket's queue
_QUEUE = 128
_STACK = 512 << 10  # bytes
_CREDENTIALS = struct.Struct("=iII")  # struct ucred: pid, uid, gid (unix(7))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A request's result, what to warn of, and what is to be done once it was sent (also when that failed)."""

    result: Mapping[str, object]
    afterwards: Callable[[], None] = lambda: None
    warnings: tuple[str, ...] = ()


Handler = Callable[[object], Answer]


class ControlServer:
    """Listens on `socket_path` from its construction on; requests wait until `start`.

    A handler gets the request's argument (None without one); its CleanenvError is the client's answer.
    A stale socket is replaced: who makes a server holds the environment's lock.
    """

    def __init__(self, socket_path: str, users: Collection[int], handlers: Mapping[str, Handler]) -> None:
        if len(os.fsencode(socket_path)) > SOCKET_PATH_MAX:
            raise MountError(
                f"control socket {socket_path}",
                f"the path of a socket has at most {SOCKET_PATH_MAX} bytes",
                "use a shorter runtime directory",
            )
        self._path = socket_path
        self._users = frozenset(users)
        self._handlers = dict(handlers)
        self._places = threading.Semaphore(_CONNECTIONS_MAX)
        self._closing = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(socket_path)
            previous = os.umask(0o177)  # so that it is never open to others, not even before a chmod
            try:
                self._listener.bind(socket_path)
            finally:
                os.umask(previous)
            status = os.lstat(socket_path)
            self._identity: tuple[int, int] | None = (status.st_dev, status.st_ino)
            self._listener.listen(_QUEUE)
        except OSError as error:
            self._listener.close()
            raise MountError(f"control socket {socket_path}", error.strerror or str(error)) from error

    def start(self) -> None:
        """Serve from now on, in threads that do not take the signals of the main thread."""
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        size = threading.stack_size(_STACK)
        try:
            threading.Thread(target=self._accept, name="control", daemon=True).start()
        finally:
            threading.stack_size(size)
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)

    def close(self) -> None:
        """Remove the socket, if it is still this server's, and accept nobody. Requests under way go on."""
        with self._closing:
            if self._identity is None:
                return
            with contextlib.suppress(OSError):
                status = os.lstat(self._path)
                if (status.st_dev, status.st_ino) == self._identity:
                    os.unlink(self._path)
            self._identity = None
            with contextlib.suppress(OSError):
                # Wakes the thread in accept; a close alone would not.
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        while True:
            self._places.acquire()
            try:
                connection, _address = self._listener.accept()
            except OSError as error:
                self._places.release()
                if self._identity is None:
                    return
                _log.error("control socket: %s", error)
                time.sleep(0.1)  # out of descriptors or memory: that passes, and must not become a busy loop
                continue
            try:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
            except RuntimeError as error:  # no more threads
                _log.error("control socket: %s", error)
                connection.close()
                self._places.release()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                answer = self._answer(connection)
                try:
                    connection.settimeout(_REQUEST_TIMEOUT_S)
                    connection.sendall(
                        answer if isinstance(answer, bytes) else encode_answer(answer.result, answer.warnings)
                    )
                except OSError:
                    pass  # the client went away
                finally:
                    if isinstance(answer, Answer):
                        answer.afterwards()
        finally:
            self._places.release()

    def _answer(self, connection: socket.socket) -> Answer | bytes:
        try:
            self._check_peer(connection)
            verb, argument = _receive(connection)
            return self._handler(verb)(argument)
        except CleanenvError as error:
            return encode_error(error)
        except Exception as error:  # noqa: BLE001
            _log.exception("a control request failed")
            why = f"internal error ({type(error).__name__}: {error})"
            return encode_error(CleanenvError("control request", why, "please report it"))

    def _handler(self, verb: str) -> Handler:
        handler = self._handlers.get(verb)
        if handler is None:
            known = ", ".join(sorted(self._handlers))
            raise UsageError("control request", f"unknown verb {verb[:40]!r} (known: {known})")
        return handler

    def _check_peer(self, connection: socket.socket) -> None:
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _pid, uid, _gid = _CREDENTIALS.unpack(data)
        if uid not in self._users:
            raise UsageError("control request", f"user {uid} is not the owner of this environment")


def _receive(connection: socket.socket) -> tuple[str, object]:
    deadline = time.monotonic() + _REQUEST_TIMEOUT_S
    try:
        connection.settimeout(_REQUEST_TIMEOUT_S)
        start = connection.recv(7, socket.MSG_PEEK)
        is_reload = start.startswith(b"reload ")
        return parse_request(read_line(connection, _RELOAD_MAX if is_reload else _LINE_MAX, deadline))
    except TimeoutError as error:
        raise UsageError("control request", f"none came within {_REQUEST_TIMEOUT_S:g} s") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError("control request", f"it is malformed: {error}") from error
