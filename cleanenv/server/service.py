"""The environment server at work: live directory, control socket, the container's start, the end.

The main thread serves the kernel and nothing else. Nobody in this process touches the mount: neither a path
in it nor a search along a PATH that leads through it.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence

import cleanenv
from cleanenv import mounts
from cleanenv.agent.activity import ask_activity
from cleanenv.agent.client import AgentClient
from cleanenv.errors import AgentError, MountError, UsageError
from cleanenv.server.catalog import LiveCatalog
from cleanenv.server.container_switch import ContainerSwitch
from cleanenv.server.control_server import END_SIGNALS, Answer, ControlServer
from cleanenv.server.host_agent import HostAgent
from cleanenv.server.launcher import patch_launcher
from cleanenv.server.lifetime import Lifetime
from cleanenv.server.sessions import HostProcesses, SessionBook
from cleanenv.server.settings import ServedFile, ServerSettings
from cleanenv.server.snapshots import AutomaticSnapshots
from cleanenv.server.watch import ContainerWatch
from cleanenv_fuse.filesystem import mount
from cleanenv_fuse.kernel_cache import KernelCache
from cleanenv_fuse.tree import BinDirectory, StaticFile

__all__ = ["AGENT_TIMEOUT_S", "EnvironmentServer"]

AGENT_TIMEOUT_S = 0.5  # a lookup of a shell waits that long at most

# See TABLE_LINK_EXEC and its like in native/table/table.h.
_LAUNCHER_NAMES = ("inenv", ".hook", ".session")
_WATCH_TIMEOUT_S = 5.0  # nobody waits for it
_END_TIMEOUT_S = 5.0
_PIDS = 1 << 22  # PID_MAX_LIMIT, proc(5)

_log = logging.getLogger(__name__)


class EnvironmentServer:
    """The server of one environment. `lock` is the descriptor that holds the environment's server lock."""

    def __init__(self, settings: ServerSettings, lock: int) -> None:
        self._settings = settings
        self._lock = lock
        self._since = time.time()
        self._device = ""
        self._ending = threading.Lock()  # held from a request to end until its answer was sent
        self._changing = threading.Lock()  # one reload at a time
        self._launcher = _read_launcher(settings)
        self._files = _static_files(settings.files, self._launcher, {})
        paths = settings.runtime_paths
        self._catalog = LiveCatalog(
            settings.links,
            AgentClient(str(paths.agent_socket), AGENT_TIMEOUT_S),
            str(settings.environment_paths.listing),
            mtime_ns=time.time_ns(),
            on_answer=self._renew_watch,
            state=self._container_state,
        )
        self._watch = ContainerWatch(
            AgentClient(str(paths.agent_socket), _WATCH_TIMEOUT_S), lambda: self._catalog.patterns, self._forget
        )
        self._kernel_cache: KernelCache | None = None
        self._directory = BinDirectory(
            files=self._files,
            launcher=self._launcher,
            catalog=self._catalog,
            uid=settings.uid,
            gid=settings.gid,
            mtime_ns=time.time_ns(),
        )
        self._book = SessionBook(paths.sessions, settings.uid, HostProcesses())
        self._lifetime = Lifetime(
            self._book,
            ContainerSwitch(settings),
            lambda: ask_activity(paths.agent_directory),
            str(paths.lock),
            persistent=settings.persistent,
            idle_timeout_s=settings.idle_timeout,
        )
        self._host_agent = HostAgent(paths, str(settings.environment_paths.agent), settings.uid, self._is_used)
        self._snapshots = AutomaticSnapshots(settings)
        self._control = ControlServer(
            str(paths.control_socket),
            {0, settings.uid, os.geteuid()},
            {
                "start": self._handle_start,
                "enter": self._handle_enter,
                "leave": self._handle_leave,
                "snapshot": self._handle_snapshot,
                "reload": self._handle_reload,
                "status": self._handle_status,
                "exit": self._handle_exit,
            },
        )

    def run(self, on_ready: Callable[[], None]) -> None:
        """Mount the live directory and serve until it is unmounted. Raises MountError if it cannot be."""
        for number in END_SIGNALS:
            signal.signal(number, signal.SIG_DFL)  # libfuse takes over only what has its default disposition

        def started() -> None:
            self._device = mounts.entries(self._settings.mount_point)[-1].device
            try:
                self._kernel_cache = KernelCache()
            except OSError as error:  # then the kernel remembers a name for as long as it does by itself
                _log.warning("the kernel is not told of changes: %s", error)
            self._start_threads()
            on_ready()

        try:
            mount(self._directory, self._settings.mount_point, started)
        finally:
            # An answer to `exit` may still be on its way.
            self._ending.acquire(timeout=_END_TIMEOUT_S)
            self._host_agent.close()
            self._control.close()
        _log.info("the live directory is unmounted")

    def _start_threads(self) -> None:
        self._control.start()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
        try:
            threading.Thread(target=self._watch_mount, name="mount watch", daemon=True).start()
            threading.Thread(target=self._catalog.refresh, name="first listing", daemon=True).start()
            self._watch.start()
            self._lifetime.start()
            self._replace_host_agent(self._settings)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def _replace_host_agent(self, settings: ServerSettings) -> None:
        self._host_agent.replace(None if settings.host_variables is None else settings.host_program_variables())

    def _is_used(self) -> bool:
        """Whether a shell is in the environment, or a program of it is called."""
        if self._book.sessions:
            return True
        try:
            return ask_activity(self._settings.runtime_paths.agent_directory).calls > 0
        except AgentError:
            return False

    def _renew_watch(self) -> None:
        if not self._watch.is_active:
            self._watch.renew()

    def _container_state(self) -> int | None:
        return self._watch.state()

    def _forget(self) -> None:
        """The kernel asks again for every name. Not for the thread that serves it."""
        if self._kernel_cache is not None:
            self._kernel_cache.forget(self._directory.names())

    def _watch_mount(self) -> None:
        """Let go of the environment when somebody else unmounts the directory.

        The kernel ends the FUSE connection only with the last copy of the mount, and a container that was
        started meanwhile has one in its view of the host.
        """
        with open("/proc/self/mountinfo", "rb") as mountinfo:
            changes = select.poll()
            changes.register(mountinfo, select.POLLPRI | select.POLLERR)
            while self._is_mounted():
                changes.poll()
        if self._ending.acquire(blocking=False):
            _log.info("the live directory was unmounted by somebody else")
            self._let_go()
            self._ending.release()

    def _is_mounted(self) -> bool:
        return self._mount_point() is not None

    def _mount_point(self) -> str | None:
        """Where the directory is mounted now, by its device: a directory above it may have been renamed."""
        points = [entry.mount_point for entry in mounts.live_directories() if entry.device == self._device]
        return points[0] if points else None

    def _let_go(self) -> None:
        """Leave the environment to a successor; programs that still run are served until they end."""
        # Our end must not unmount the successor's directory, as libfuse's handlers would.
        libc = ctypes.CDLL(None)
        for number in END_SIGNALS:
            libc.signal(int(number), 0)  # SIG_DFL; Python's own function works in the main thread only
        self._host_agent.close()
        self._control.close()
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _handle_start(self, _argument: object) -> Answer:
        warnings = self._lifetime.start_container()
        self._catalog.refresh()
        return Answer({}, warnings=warnings)

    def _handle_enter(self, argument: object) -> Answer:
        return Answer({}, warnings=self._lifetime.enter(_pid(argument)))

    def _handle_leave(self, argument: object) -> Answer:
        return Answer({}, warnings=self._lifetime.leave(_pid(argument)))

    def _handle_snapshot(self, argument: object) -> Answer:
        return Answer({}, warnings=self._snapshots.after(argument))

    def _handle_reload(self, argument: object) -> Answer:
        settings = ServerSettings.from_object(argument)
        with self._changing:
            old = self._settings
            if (settings.environment, settings.runtime_directory) != (old.environment, old.runtime_directory):
                raise UsageError("reload", f"this is the server of {old.environment}")
            self._settings = settings
            self._files = _static_files(settings.files, self._launcher, self._files)
            self._directory.replace_files(self._files)
            self._catalog.replace_links(settings.links)
            self._forget()
            self._watch.renew()
            self._replace_host_agent(settings)
            self._lifetime.replace(
                ContainerSwitch(settings), persistent=settings.persistent, idle_timeout_s=settings.idle_timeout
            )
            self._snapshots.replace(settings)
        return Answer({"links": len(settings.links)})

    def _handle_status(self, _argument: object) -> Answer:
        return Answer(
            {
                "pid": os.getpid(),
                "version": cleanenv.__version__,
                "mounted": self._is_mounted(),
                "since": self._since,
                "links": [[link.name, link.path] for link in self._catalog.links],
                "agent": self._catalog.refresh(),
                "sessions": [session.pid for session in self._book.sessions],
            }
        )

    def _handle_exit(self, _argument: object) -> Answer:
        if not self._ending.acquire(timeout=_END_TIMEOUT_S):
            raise MountError("end of the environment server", "it is ending already")
        try:
            is_busy = self._unmount()
            self._let_go()
        except BaseException:
            self._ending.release()
            raise
        if is_busy:
            # Programs run from the directory: their pages are still ours to deliver. The kernel ends the
            # loop of the main thread with the last of them.
            return Answer({"busy": True}, self._ending.release)
        # Not left to the kernel either: a copy of the mount in the container would keep the loop alive.
        return Answer({"busy": False}, lambda: os._exit(0))

    def _unmount(self) -> bool:
        """Unmount the directory; whether programs still use it."""
        mount_point = self._mount_point()
        if mount_point is None:
            return True
        try:
            mounts.unmount(mount_point)
        except mounts.BusyMountError:
            mounts.unmount(mount_point, lazy=True)
            return True
        return False


def _read_launcher(settings: ServerSettings) -> bytes:
    try:
        with open(settings.launcher, "rb") as file:
            binary = file.read()
    except OSError as error:
        raise MountError(f"launcher {settings.launcher}", error.strerror or str(error)) from error
    return patch_launcher(binary, settings.runtime_directory, settings.launcher)


def _static_files(files: Sequence[ServedFile], launcher: bytes, before: dict[str, StaticFile]) -> dict[str, StaticFile]:
    """The static files, and the launcher under its own names. One that did not change keeps its time, for caches."""
    now = time.time_ns()
    served: dict[str, StaticFile] = {}
    for file in (*files, *(ServedFile(name, launcher) for name in _LAUNCHER_NAMES)):
        old = before.get(file.name)
        is_same = old is not None and old.content == file.content and old.mode == file.mode
        served[file.name] = old if old and is_same else StaticFile(file.content, file.mode, now)
    return served


def _pid(argument: object) -> int:
    if not isinstance(argument, int) or isinstance(argument, bool) or not 0 < argument < _PIDS:
        raise UsageError("session", f"{argument!r} is no number of a process")
    return argument
