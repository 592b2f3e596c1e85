"""The operations with an engine in memory, an agent in a thread, and a server that is only noted down."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cleanenv.environments import Environment, open_environment
from cleanenv.errors import EngineError
from cleanenv.model.configuration import Configuration
from cleanenv.model.container import Container
from cleanenv.model.history import History
from cleanenv.model.host import Host
from cleanenv.model.link import Link
from cleanenv.model.profile import Profile
from cleanenv.model.user import Group, User
from cleanenv.operations import links, overview, report
from cleanenv.operations.create import create
from cleanenv.operations.destroy import destroy
from cleanenv.operations.doctor.environments import examine as examine_environments
from cleanenv.operations.doctor.leftovers import examine as examine_leftovers
from cleanenv.operations.lifecycle import Condition, start, stop
from cleanenv.operations.lock.rebuild import Rebuild
from cleanenv.operations.reset import reset, reset_hard
from cleanenv.operations.snapshots import edit
from cleanenv.operations.snapshots.compare import Difference, compare
from cleanenv.operations.snapshots.edit import Removed
from cleanenv.operations.snapshots.freeze import Frozen, freeze, unfreeze
from cleanenv.operations.snapshots.pack import pack
from cleanenv.operations.snapshots.restore import Choice, Restored, named, restore
from cleanenv.operations.snapshots.take import Request, Taken, take
from cleanenv.operations.snapshots.unpack import open_file, open_images
from cleanenv.registry import Registry
from cleanenv.server.settings import ServerSettings
from tests.engine.fake_engine import FakeEngine
from tests.server.fake_agent import FakeAgent

__all__ = ["IMAGE", "AgentEngine", "Bench", "Killed"]

IMAGE = "localhost/test/base:1"
ANN = User("ann", os.geteuid(), "/home/ann", (Group("staff", os.getegid()), Group("docker", 105)))
Fault = Callable[[], BaseException]


class Killed(BaseException):
    """What is raised where a command was killed."""


class AgentEngine(FakeEngine):
    """An engine whose containers have an agent that listens while they run, with the programs of `files`.

    `faults` maps the number of a request to what it raises instead; `requests` counts them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, int] = {"/bin/sh": 1, "/bin/ls": 2, "/opt/x": 3}
        self.faults: dict[int, Fault] = {}
        self.requests = 0
        self.has_agent = True
        self._agents: dict[str, FakeAgent] = {}

    def start_container(self, container_id: str) -> None:
        super().start_container(container_id)
        if not self.has_agent:
            super().stop_container(container_id, 0)
        elif container_id not in self._agents:
            directory = self._get(container_id, "start").spec.agent_directory
            self._agents[container_id] = FakeAgent(f"{directory}/agent.sock", self.files)

    def stop_container(self, container_id: str, grace_s: int) -> None:
        super().stop_container(container_id, grace_s)
        self._end_agent(container_id)

    def remove_container(self, container_id: str) -> None:
        super().remove_container(container_id)
        self._end_agent(container_id)

    @property
    def agents(self) -> tuple[FakeAgent, ...]:
        """The agents that listen."""
        return tuple(self._agents.values())

    def only(self) -> Container:
        """The one container that there is."""
        (found,) = self.containers("cleanenv.id")
        return found

    def end(self) -> None:
        """End all agents."""
        for container_id in list(self._agents):
            self._end_agent(container_id)

    def _end_agent(self, container_id: str) -> None:
        if container_id in self._agents:
            self._agents.pop(container_id).stop()

    def _answer(self, call: str) -> None:
        self.requests += 1
        if self.requests in self.faults:
            fault = self.faults[self.requests]
            raise fault()
        super()._answer(call)


@dataclass(slots=True)
class Bench:
    """A user with an engine. `mounted` are the settings of the servers that were started, in order."""

    directory: Path
    engine: AgentEngine = field(default_factory=AgentEngine)
    mounted: list[ServerSettings] = field(default_factory=list)
    mount_fault: Fault | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    user: User = ANN
    warnings: list[str] = field(default_factory=list)
    name: str = "env"

    def __post_init__(self) -> None:
        self.engine.add_image(IMAGE, environment=("PATH=/usr/bin:/bin",))
        runtime = self.directory / "run"
        runtime.mkdir(mode=0o700)
        self.variables = {
            "XDG_STATE_HOME": str(self.directory / "state"),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "XDG_RUNTIME_DIR": str(runtime),
            "PATH": "/usr/bin:/bin",
            "SECRET": "not for the server",
        }

    @property
    def host(self) -> Host:
        return Host(
            user=self.user, working_directory=str(self.directory), variables=self.variables, python="/usr/bin/python3"
        )

    @property
    def root(self) -> Path:
        return self.directory / self.name

    @property
    def registry(self) -> Registry:
        return Registry(self.host.state_directory)

    def beside(self, name: str) -> Bench:
        """The same user and engine, with another environment."""
        other = copy.copy(self)
        other.name = name
        return other

    def start_server(self, settings: ServerSettings) -> None:
        """Stands for cleanenv.server.process.start."""
        if self.mount_fault is not None:
            raise self.mount_fault()
        self.mounted.append(settings)

    def create(self, *named: Link, root: Path | None = None, clear: bool = False, **settings: object) -> Environment:
        """Create an environment with links; `settings` are those of the configuration."""
        configuration = replace(Configuration(base=IMAGE, links=named or None), **settings)  # type: ignore[arg-type]
        return self.create_from(configuration, root=root, clear=clear)

    def create_from(
        self,
        configuration: Configuration,
        *,
        root: Path | None = None,
        clear: bool = False,
        rebuild: Rebuild | None = None,
    ) -> Environment:
        return create(
            self.root if root is None else root,
            configuration,
            self.host,
            clear=clear,
            rebuild=rebuild,
            connect=lambda: self.engine,
            os_release={},
            progress=lambda *_: None,
            warn=self.warnings.append,
            sources={},
        )

    def fault(self, kind: str) -> Fault:
        """What a request to the engine raises: a refusal, or `killed`, after which nothing is cleaned up."""

        def killed() -> BaseException:
            self.engine.is_gone = True
            return Killed()

        return killed if kind == "killed" else lambda: EngineError("the engine", "refused")

    def revive(self) -> None:
        """No more faults: the next command is another process."""
        self.engine.faults = {}
        self.engine.is_gone = False

    def destroy(self) -> None:
        destroy(self.root, self.host, connect=lambda: self.engine, warn=self.warnings.append)

    def start(self) -> Environment:
        return start(self.root, self.host, connect=lambda: self.engine, warn=self.warnings.append)

    def stop(self, condition: Condition = Condition.NONE) -> None:
        stop(self.root, self.host, connect=lambda: self.engine, warn=self.warnings.append, condition=condition)

    def reset(self, *, discard: bool = False) -> Restored:
        return reset(
            self.root,
            self.host,
            discard=discard,
            connect=lambda: self.engine,
            progress=lambda *_: None,
            warn=self.warnings.append,
        )

    def reset_hard(self) -> Removed:
        return reset_hard(self.root, self.host, connect=lambda: self.engine, warn=self.warnings.append)

    def take(self, name: str = "", **request: object) -> Taken | None:
        return take(
            self.root,
            Request(name, **request),  # type: ignore[arg-type]
            self.host,
            connect=lambda: self.engine,
            progress=lambda *_: None,
        )

    def restore(self, choice: str | Choice, *, discard: bool = False) -> Restored:
        return restore(
            self.root,
            named(choice) if isinstance(choice, str) else choice,
            self.host,
            discard=discard,
            connect=lambda: self.engine,
            progress=lambda *_: None,
            warn=self.warnings.append,
        )

    def freeze(self) -> Frozen:
        return freeze(
            self.root,
            self.host,
            connect=lambda: self.engine,
            progress=lambda *_: None,
            warn=self.warnings.append,
        )

    def unfreeze(self) -> None:
        unfreeze(
            self.root,
            self.host,
            connect=lambda: self.engine,
            progress=lambda *_: None,
            warn=self.warnings.append,
        )

    def pack(self, *, name: str | None = None, output: Path | None = None) -> None:
        pack(self.root, name=name, output=output, connect=lambda: self.engine, progress=lambda *_: None)

    def unpack(self, source: Path | str, *, clear: bool = False, **settings: object) -> Environment:
        """Create an environment of what another one packed; `settings` are over its configuration."""
        opened = (
            open_file(source)
            if isinstance(source, Path)
            else open_images(self.engine, source, progress=lambda *_: None)
        )
        with opened as origin:
            return create(
                self.root,
                replace(Configuration(), **settings).over(origin.configuration),  # type: ignore[arg-type]
                self.host,
                clear=clear,
                connect=lambda: self.engine,
                os_release={},
                progress=lambda *_: None,
                warn=self.warnings.append,
                sources={},
                origin=origin,
            )

    def fix(self) -> None:
        """What `cleanenv doctor --fix` does of what concerns environments."""
        for finding in (*examine_environments(self.host, self.engine), *examine_leftovers(self.host, self.engine)):
            if finding.mend is not None:
                finding.mend()

    def remove(self, *texts: str, cascade: bool = False) -> Removed:
        return edit.remove(self.root, texts, cascade=cascade, connect=lambda: self.engine, warn=self.warnings.append)

    def prune(self) -> Removed:
        return edit.prune(self.root, connect=lambda: self.engine, warn=self.warnings.append)

    def compare(self, first: str, second: str | None = None) -> Difference:
        return compare(self.root, first, second, connect=lambda: self.engine, progress=lambda *_: None)

    @property
    def history(self) -> History:
        return open_environment(self.root).state.history

    def write(self, path: str, content: bytes = b"x") -> None:
        """What a program in the container does."""
        self.engine.write(self.container.id, path, content)

    @property
    def container(self) -> Container:
        """The one that the state names."""
        found = self.engine.container(open_environment(self.root).state.container_id)
        assert found is not None
        return found

    @property
    def content(self) -> dict[str, bytes]:
        """What a program in the container finds."""
        return self.engine.content(self.container.id)

    def link(self, *new: Link, options: Profile | None = None) -> None:
        links.link(
            self.root,
            new,
            self.host,
            options=options or Profile(()),
            connect=lambda: self.engine,
            warn=self.warnings.append,
        )

    def unlink(self, *names: str) -> None:
        links.unlink(self.root, names, self.host)

    def list(self) -> tuple[overview.Summary, ...]:
        return overview.list_environments(self.host)

    def status(self) -> report.Status:
        return report.status(self.root, connect=lambda: self.engine)

    def traces(self) -> set[str]:
        """Whatever there is of environments: containers, files, runtime directories, entries in the list."""
        files = {
            str(path.relative_to(self.directory))
            for path in self.directory.rglob("*")
            if path.relative_to(self.directory).parts[0] not in {"cache", "native"}
        }
        containers = {f"container {spec.name}" for spec in self.engine.specs}
        # The directories around them are made once for all.
        return (files | containers) - {"run", "run/cleanenv", "state", "state/cleanenv", "state/cleanenv/environments"}
