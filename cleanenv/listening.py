"""Whether a process takes connections, as the kernel tells it (proc(5))."""

from __future__ import annotations

import os
import re

__all__ = ["is_listening"]

_LISTEN = "0A"  # a state of TCP (include/net/tcp_states.h)
_ACCEPTS = 0x10000  # a flag of a Unix socket (SO_ACCEPTCON)


def is_listening(pid: int) -> bool:
    """Whether it has a listening socket, of TCP or of the Unix domain; False for one that cannot be looked at.

    Another user's process cannot, except by root.
    """
    try:
        return not _sockets(pid).isdisjoint(_listening(pid))
    except OSError:
        return False


def _sockets(pid: int) -> set[str]:
    """The inodes of its sockets."""
    directory = f"/proc/{pid}/fd"
    links = (os.readlink(f"{directory}/{name}") for name in os.listdir(directory))
    return {found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))}


def _listening(pid: int) -> set[str]:
    """The inodes of all listening sockets in its network."""
    found = set()
    for name in ("tcp", "tcp6"):
        found |= {words[9] for words in _table(pid, name) if words[3] == _LISTEN}
    return found | {words[6] for words in _table(pid, "unix") if int(words[3], 16) & _ACCEPTS}


def _table(pid: int, name: str) -> list[list[str]]:
    with open(f"/proc/{pid}/net/{name}", encoding="utf-8", errors="replace") as table:
        return [line.split() for line in table.readlines()[1:]]
