"""Hears of changes in the container, so that the kernel may remember names meanwhile.

A call of a program that the kernel knows costs no question to this process. The agent gives an inotify descriptor for
the directories of the links; its events are the sign for the kernel to forget.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import select
import struct
import threading
import time
from collections.abc import Callable, Sequence

from cleanenv.agent.client import AgentAbsentError, AgentClient
from cleanenv.errors import AgentError

__all__ = ["ContainerWatch"]

_EVENT = struct.Struct("=iIII")  # inotify(7): watch, mask, cookie, length of the name
_READ_SIZE = 65536
_PAUSE_S = 0.05
_UNWATCHED_MS = 1000
# A directory came or went, a watch ended, events were lost: the watches themselves are no longer the right ones.
_ASK_AGAIN = 0x40000000 | 0x00008000 | 0x00004000  # IN_ISDIR, IN_IGNORED, IN_Q_OVERFLOW

_log = logging.getLogger(__name__)


class ContainerWatch:
    """A thread that calls `on_change` after each change of what `patterns` match in the container.

    It uses `agent` alone. While the container is down, or gives no watch, it waits for `renew`.
    """

    def __init__(
        self, agent: AgentClient, patterns: Callable[[], Sequence[str]], on_change: Callable[[], None]
    ) -> None:
        self._agent = agent
        self._patterns = patterns
        self._on_change = on_change
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._lock = threading.Lock()  # taking events and counting them is one step
        self._events: select.poll | None = None  # of the watch that stands
        self._changes = 0
        self.is_active = False  # a watch stands or is being made: no need to renew it because the agent answers

    def start(self) -> None:
        """Start the thread, which lives as long as the process."""
        threading.Thread(target=self._run, name="container watch", daemon=True).start()

    def renew(self) -> None:
        """Watch (again): the patterns have changed, or the container runs now. Any thread may call this."""
        os.eventfd_write(self._wake, 1)

    def state(self) -> int | None:
        """A number that is another one after each change; None while something has changed, or no watch stands.

        Two equal numbers: nothing has come or gone in the directories of the links between the two calls. What a
        symbolic link leads to elsewhere is not watched. Any thread may call this; it takes some microseconds.
        """
        with self._lock:
            return None if self._events is None or self._events.poll(0) else self._changes

    def _run(self) -> None:
        while True:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)  # the watch that is made now is the one that was asked for
            self.is_active = True
            try:
                watcher = self._agent.watch(self._patterns())
            except AgentError as error:
                _log.debug("no watch: %s", error)
                self.is_active = False
                self._await_renewal(is_container_down=isinstance(error, AgentAbsentError))
            else:
                try:
                    self._stand(watcher)
                    self._on_change()  # what has changed before the watch stood
                    self._hear(watcher)
                finally:
                    self._stand(None)
                    os.close(watcher)
                    self._on_change()
            # An agent that hangs up each time, or a directory in which directories come and go, must not keep
            # two processors busy; what changes meanwhile is found when the next watch stands.
            time.sleep(_PAUSE_S)

    def _stand(self, watcher: int | None) -> None:
        events = None
        if watcher is not None:
            events = select.poll()
            events.register(watcher, select.POLLIN)
        with self._lock:
            self._events = events
            self._changes += 1

    def _await_renewal(self, *, is_container_down: bool) -> None:
        """Where there are programs and no watch of them, the kernel is told to forget now and then."""
        waiting = select.poll()
        waiting.register(self._wake, select.POLLIN)
        while not waiting.poll(None if is_container_down else _UNWATCHED_MS):
            self._on_change()

    def _hear(self, watcher: int) -> None:
        """Returns when the watch has to be made anew or the agent is gone."""
        waiting = select.poll()
        waiting.register(watcher, select.POLLIN)
        waiting.register(self._wake, select.POLLIN)
        waiting.register(self._agent.fileno(), select.POLLIN | select.POLLRDHUP)
        while True:
            ready = {descriptor for descriptor, _events in waiting.poll()}
            if self._wake in ready:
                return
            if watcher not in ready:
                self._agent.close()
                return
            with self._lock:
                is_stale = _drain(watcher)
                self._changes += 1
            self._on_change()
            if is_stale:
                return


def _drain(watcher: int) -> bool:
    """Read all events. Whether one of them asks for another watch."""
    is_stale = False
    while True:
        try:
            data = os.read(watcher, _READ_SIZE)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return is_stale
            return True
        offset = 0
        while offset + _EVENT.size <= len(data):
            _watch, mask, _cookie, length = _EVENT.unpack_from(data, offset)
            is_stale = is_stale or bool(mask & _ASK_AGAIN)
            offset += _EVENT.size + length
