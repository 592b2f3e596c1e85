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

from cleanenv.agent.client import AgentClient
from cleanenv.errors import AgentError

__all__ = ["ContainerWatch"]

_EVENT = struct.Struct("=iIII")  # inotify(7): watch, mask, cookie, length of the name
_READ_SIZE = 65536
_PAUSE_S = 0.05
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
        self.is_active = False  # a watch stands or is being made: no need to renew it because the agent answers

    def start(self) -> None:
        """Start the thread, which lives as long as the process."""
        threading.Thread(target=self._run, name="container watch", daemon=True).start()

    def renew(self) -> None:
        """Watch (again): the patterns have changed, or the container runs now. Any thread may call this."""
        os.eventfd_write(self._wake, 1)

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
                self._await_renewal()
            else:
                try:
                    self._on_change()  # what has changed before the watch stood
                    self._hear(watcher)
                finally:
                    os.close(watcher)
                    self._on_change()
            # An agent that hangs up each time, or a directory in which directories come and go, must not keep
            # two processors busy; what changes meanwhile is found when the next watch stands.
            time.sleep(_PAUSE_S)

    def _await_renewal(self) -> None:
        waiting = select.poll()
        waiting.register(self._wake, select.POLLIN)
        waiting.poll()

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
            is_stale = _drain(watcher)
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
