"""Starts an environment's server, or finds the one that runs.

The lock in the environment's runtime directory decides who serves: it is taken here and handed to the server,
which holds it until its end. So there is no moment at which two could serve one environment.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping

from cleanenv import mounts
from cleanenv.errors import CleanenvError, MountError
from cleanenv.server.control import ServerAbsentError, ServerSilentError, parse_answer, request
from cleanenv.server.settings import ServerSettings

__all__ = ["START_TIMEOUT_S", "start"]

START_TIMEOUT_S = 10.0

_POLL_S = 0.02
_STATUS_TIMEOUT_S = 2.0
_MOUNTS_MAX = 16
_LOG_MAX = 1 << 20  # bytes
_REASON_MAX = 2000  # characters of the log that an error carries
_READY_MAX = 64 << 10

# What libfuse and its helper say, and what mends it.
_HINTS = (
    ("/dev/fuse: Permission denied", "chmod 666 /dev/fuse (as root)"),
    ("/dev/fuse: No such file", "modprobe fuse (as root)"),
    ("modprobe fuse", "modprobe fuse (as root)"),
    ("exec fusermount", "apt-get install fuse3"),
    ("Operation not permitted", "in a container: --device /dev/fuse --cap-add SYS_ADMIN"),
)


def start(settings: ServerSettings, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return when the environment's live directory is served: by the server that runs, or by a new one.

    A server that runs keeps the settings that it has (`reload` changes them). A new one replaces what is
    mounted there: what a killed server left behind, or one whose runtime directory was wiped.
    Raises MountError with the server's own reason, within the timeout.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        lock = _take_lock(settings)
        if lock is not None:
            try:
                _clear(settings.mount_point)
                _launch(settings, lock, deadline)
            finally:
                os.close(lock)
            return
        if _is_served(settings):
            return
        if time.monotonic() >= deadline:
            raise _silent(settings)
        # Somebody else is starting it just now, or it is just ending: neither can be waited for.
        time.sleep(_POLL_S)


def _take_lock(settings: ServerSettings) -> int | None:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        lock = os.open(settings.lock_path, flags, 0o600)
    except OSError as error:
        raise MountError(f"server lock {settings.lock_path}", error.strerror or str(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _is_served(settings: ServerSettings) -> bool:
    """Whether the server that holds the lock serves the directory. One that does no more is told to go."""
    socket_path = str(settings.runtime_paths.control_socket)
    try:
        status = request(socket_path, "status", timeout_s=_STATUS_TIMEOUT_S)
        if not status.get("mounted"):
            request(socket_path, "exit", timeout_s=_STATUS_TIMEOUT_S)
            return False
    except (ServerAbsentError, ServerSilentError):
        return False
    if not mounts.entries(settings.mount_point):
        pid = status.get("pid")
        raise MountError(
            f"mount of the live directory at {settings.mount_point}",
            f"process {pid} has mounted it, but not in the mount namespace of this process",
            f"kill {pid}, then try again",
        )
    return True


def _clear(mount_point: str) -> None:
    """Take away what earlier servers left mounted. The lock says that none of them counts any more."""
    for _attempt in range(_MOUNTS_MAX):
        if not mounts.entries(mount_point):
            return
        mounts.unmount(mount_point, lazy=True)


def _launch(settings: ServerSettings, lock: int, deadline: float) -> None:
    with contextlib.ExitStack() as stack:
        log = _open_log(settings)
        stack.callback(os.close, log)
        log_start = os.fstat(log).st_size
        document = os.memfd_create("cleanenv-settings", os.MFD_CLOEXEC)
        stack.callback(os.close, document)
        with open(document, "wb", closefd=False) as file:
            file.write(settings.to_json().encode("ascii"))
        os.lseek(document, 0, os.SEEK_SET)
        ready, told = os.pipe2(os.O_CLOEXEC)
        stack.callback(os.close, ready)
        try:
            _spawn(settings, {"settings": document, "lock": lock, "ready": told}, log, deadline)
        finally:
            os.close(told)
        try:
            answer = _read_ready(ready, deadline)
        except TimeoutError:
            _kill_holder(lock)
            _clear(settings.mount_point)
            raise _silent(settings) from None
        said = os.pread(log, _LOG_MAX, log_start).decode("utf-8", "replace")
    _check_ready(settings, answer, said)


def _open_log(settings: ServerSettings) -> int:
    path = str(settings.runtime_paths.server_log)
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        log = os.open(path, flags, 0o600)
        if os.fstat(log).st_size > _LOG_MAX:
            os.truncate(log, 0)
    except OSError as error:
        raise MountError(f"log {path}", error.strerror or str(error)) from error
    return log


def _spawn(settings: ServerSettings, descriptors: Mapping[str, int], log: int, deadline: float) -> None:
    """Start the server's process; it detaches itself, and what is waited for here is only that."""
    command = [settings.python, "-X", "utf8", "-m", "cleanenv.server", "--environment", settings.environment]
    for name, descriptor in descriptors.items():
        command += [f"--{name}-fd", str(descriptor)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=settings.process_variables(),
            start_new_session=True,
            pass_fds=tuple(descriptors.values()),
        )
    except OSError as error:
        raise MountError("start of the environment server", f"{settings.python}: {error.strerror}") from error
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise _silent(settings) from None


def _read_ready(ready: int, deadline: float) -> bytes:
    """What the server tells: a line, or less when it died. Raises TimeoutError."""
    data = b""
    readable = select.poll()
    readable.register(ready, select.POLLIN)
    while b"\n" not in data and len(data) < _READY_MAX:
        if not readable.poll(max(0.0, deadline - time.monotonic()) * 1000):
            raise TimeoutError
        part = os.read(ready, 4096)
        if not part:
            break
        data += part
    return data


def _check_ready(settings: ServerSettings, answer: bytes, said: str) -> None:
    what = f"mount of the live directory at {settings.mount_point}"
    lines = [line for line in said.splitlines() if line.strip()]
    if not answer.endswith(b"\n"):
        reason = lines[-1] if lines else "it said nothing"
        hint = f"see {settings.runtime_paths.server_log}"
        raise MountError(what, f"the environment server died: {reason}", hint)
    try:
        parse_answer(answer[:-1])
    except CleanenvError as error:
        of_libfuse = [line for line in lines if line.startswith("fuse")]
        why = "; ".join([*of_libfuse, error.why])[:_REASON_MAX]
        mend = error.hint or next((hint for text, hint in _HINTS if text in why), None)
        raise MountError(error.what, why, mend) from error


def _kill_holder(lock: int) -> None:
    """End the server that was just started: the lock that was handed to it has its process id."""
    with contextlib.suppress(ValueError, OSError):
        os.kill(int(os.pread(lock, 32, 0)), signal.SIGKILL)


def _silent(settings: ServerSettings) -> MountError:
    pid = ""
    with contextlib.suppress(OSError), open(settings.lock_path, encoding="ascii", errors="replace") as file:
        pid = file.read(32).strip()
    return MountError(
        "the environment server",
        f"process {pid or '(unknown)'} does not answer",
        f"kill -9 {pid}, then try again" if pid else f"see {settings.runtime_paths.server_log}",
    )
