"""When a program that was started for an environment is a service: it is up, and nobody waits for its end any more.

That is so when it takes connections. Of one that does not it can only be told that it has nothing to do: programs that
set something up (a database that is initialized, say) are waited for, and have the disk or the processor busy.
"""

from __future__ import annotations

import subprocess
import time

from cleanenv.listening import is_listening
from cleanenv.processes import programs_below, work_of

__all__ = ["PATIENCE_S", "await_end_or_service"]

PATIENCE_S = 60.0  # with a program that neither ends nor rests nor listens
_QUIET_S = 3.0  # without work to speak of
_IDLE = 0.03  # of a processor: what a server takes that only looks at its clock
_LOOK_S = 0.05


def await_end_or_service(process: subprocess.Popen[bytes], agent_pid: int, before: frozenset[int]) -> int | None:
    """The status with which the call ends; None when its program has become a service.

    `before` are the programs that ran below the agent when the call was made. Raises subprocess.TimeoutExpired when
    neither has come after PATIENCE_S; the program runs then. One that cannot be seen from here seems to do nothing.
    """
    end = time.monotonic() + PATIENCE_S
    quiet_since, work_then = time.monotonic(), 0.0
    while True:
        try:
            return process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if now >= end:
                raise
        programs = [pid for pid, _ in programs_below(agent_pid) if pid not in before]
        if any(is_listening(pid) for pid in programs):
            return None
        seconds, waits_for_disk = work_of(programs)
        if waits_for_disk or seconds - work_then > _IDLE * _QUIET_S:
            quiet_since, work_then = now, seconds
        elif now - quiet_since >= _QUIET_S:
            return None
