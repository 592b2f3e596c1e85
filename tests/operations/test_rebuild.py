"""An environment is made as its lock says, and what differs is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from cleanenv.errors import EngineError, UsageError
from cleanenv.model.configuration import Configuration
from cleanenv.model.container import Finished
from cleanenv.model.link import Link
from cleanenv.model.lock import Lock
from cleanenv.model.package import Package
from cleanenv.operations.lock.managers import Container
from cleanenv.operations.lock.rebuild import Rebuild, make_rebuild
from cleanenv.operations.lock.write import lock
from tests.operations.harness import IMAGE, Bench

PYTHON = "/usr/local/lib/python3.11/site-packages"
SIX = Package("pip3.11", "six")
HELLO = Package("deb", "hello")


@dataclass
class Managers:
    """apt and pip with an index each; what they install is written into the container."""

    bench: Bench
    debian: dict[str, str] = field(default_factory=dict)
    mirror: dict[str, list[str]] = field(default_factory=dict)
    index: dict[str, list[str]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    fails: str = ""

    def root(self, _container_id: str, command: Sequence[str]) -> Finished:
        self.calls.append(tuple(command))
        words = [word for word in command if word not in ("--yes", "--quiet")]
        names = words[words.index("--") + 1 :] if "--" in words else []
        match words[:2]:
            case ["apt-get", "update"]:
                return Finished(0, "Hit:1")
            case ["apt-cache", "madison"]:
                lines = [f" {name} | {version} | x" for name in names for version in self.mirror.get(name, [])]
                return Finished(0, "\n".join(lines))
            case ["apt-get", "remove"]:
                for name in names:
                    self.debian.pop(name, None)
            case ["apt-get", "install"]:
                if any("=" in name for name in names) and self.fails:
                    return Finished(100, f"Reading\nE: {self.fails}\n")
                for word in names:
                    name, _, version = word.partition("=")
                    self.debian[name] = version or self.mirror[name][0]
            case _:
                pass
        self.write()
        return Finished(0, "")

    def user(self, _container: Container, *command: str) -> Finished:
        self.calls.append(command)
        requests = command[command.index("--") + 1 :]
        if "uninstall" in command:
            for name in requests:
                self.bench.engine.unlink(self.bench.container.id, f"{PYTHON}/{name}-1.16.0.dist-info/METADATA")
            return Finished(0, "")
        for request in requests:
            name, _, version = request.partition("==")
            if version not in self.index.get(name, []):
                return Finished(1, f"ERROR: No matching distribution found for {request}\n")
        for request in requests:
            self.bench.write(f"{PYTHON}/{request.replace('==', '-')}.dist-info/METADATA")
        return Finished(0, "")

    def write(self) -> None:
        text = "".join(f"Package: {n}\nStatus: install ok installed\nVersion: {v}\n\n" for n, v in self.debian.items())
        self.bench.write("/var/lib/dpkg/status", text.encode())


@pytest.fixture
def managers(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Managers:
    managers = Managers(bench)
    bench.engine.programs = managers.root
    monkeypatch.setattr(Container, "as_user", managers.user)
    return managers


def locked(bench: Bench, packages: dict[Package, str], **configuration: object) -> Lock:
    image = bench.engine.image(IMAGE)
    assert image is not None
    chosen = replace(Configuration(base=IMAGE), **configuration)  # type: ignore[arg-type]
    return Lock(IMAGE, image.id, chosen, (), packages)


def rebuilt(bench: Bench, lock: Lock) -> list[str]:
    """What differs after the creation."""
    rebuild = Rebuild(lock)
    bench.create_from(lock.configuration, rebuild=rebuild)
    return [str(each) for each in rebuild.differences]


def test_lock_of_what_was_rebuilt_is_the_same(bench: Bench, managers: Managers) -> None:
    managers.mirror, managers.index = {"hello": ["3", "2"]}, {"six": ["1.16.0", "1.15.0"]}
    wanted = locked(bench, {HELLO: "2", SIX: "1.15.0"}, links=(Link("sh", "/bin/sh"),))
    assert rebuilt(bench, wanted) == []
    assert [each.name for each in bench.history.snapshots] == ["created", "locked"]
    again = lock(bench.root, connect=lambda: bench.engine, progress=lambda *_: None)
    assert (again.lock, again.left_out) == (wanted, ())


def test_what_the_indexes_do_not_have_is_told_package_by_package(bench: Bench, managers: Managers) -> None:
    managers.mirror, managers.index = {"hello": ["3"], "ok": ["1"]}, {"six": ["1.16.0"], "idna": ["3.6"]}
    packages = {
        HELLO: "2",
        Package("deb", "ok"): "1",
        Package("deb", "gone"): "1",
        SIX: "99",
        Package("pip3.11", "idna"): "3.6",
    }
    assert rebuilt(bench, locked(bench, packages)) == [
        "deb gone: wanted 1, got none: not there any more",
        "deb hello: wanted 2, got 3: not there any more, the mirrors have 3",
        "pip3.11 six: wanted 99, got none: not there any more",
    ]


def test_versions_that_do_not_go_together_are_told_with_the_words_of_apt(bench: Bench, managers: Managers) -> None:
    managers.mirror, managers.fails = {"hello": ["3", "2"]}, "unmet dependencies"
    differences = rebuilt(bench, locked(bench, {HELLO: "2"}))
    assert differences == ["deb hello: wanted 2, got 3: E: unmet dependencies"]


def test_what_the_user_had_removed_is_removed(bench: Bench, managers: Managers) -> None:
    bench.create()
    managers.debian = {"vim": "9"}
    managers.write()
    image = bench.engine.commit_container(bench.container.id, "localhost/test/vim:1", {})
    bench.destroy()
    managers.mirror = {"hello": ["2"]}
    wanted = replace(locked(bench, {HELLO: "2"}), digest=image.id)
    assert rebuilt(bench, wanted) == []
    assert managers.debian == {"hello": "2"}


def test_snapshot_that_cannot_be_taken_is_a_warning(
    bench: Bench, managers: Managers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise EngineError("commit", "no space left on device")

    monkeypatch.setattr(bench.engine, "commit_container", fail)
    managers.mirror = {"hello": ["2"]}
    assert rebuilt(bench, locked(bench, {HELLO: "2"})) == []
    (warning,) = bench.warnings
    assert "no space left on device" in warning
    assert bench.container.is_running


def test_of_another_image_nothing_is_removed_and_it_is_told(bench: Bench, managers: Managers) -> None:
    del managers
    gone = replace(locked(bench, {}), digest="sha256:" + "0" * 64)
    (difference,) = rebuilt(bench, gone)
    image = bench.engine.image(IMAGE)
    assert image is not None
    assert difference == (
        f"image {IMAGE}: wanted {gone.digest}, got {image.id}: not on this machine, and in no registry"
    )


def test_image_is_pulled_by_its_digest(bench: Bench) -> None:
    digest = "base@sha256:" + "1" * 64
    bench.engine.registry = {digest: 1}
    assert rebuilt(bench, replace(locked(bench, {}), digest=digest)) == []


def test_missing_link_is_an_error_only_where_nothing_else_differs(bench: Bench, managers: Managers) -> None:
    links = (Link("x", "/nowhere/x"),)
    before = bench.traces()
    with pytest.raises(UsageError, match="the container has no such file"):
        rebuilt(bench, locked(bench, {}, links=links))
    assert bench.traces() == before
    assert managers.calls == []
    assert rebuilt(bench, locked(bench, {HELLO: "1"}, links=links)) == [
        "deb hello: wanted 1, got none: not there any more"
    ]


@pytest.mark.parametrize("fault", [EngineError("run", "the engine is gone"), KeyboardInterrupt()])
def test_installation_that_is_cut_short_leaves_nothing(bench: Bench, managers: Managers, fault: BaseException) -> None:
    before = bench.traces()

    def root(container_id: str, command: Sequence[str]) -> Finished:
        if "update" in command:
            raise fault
        return managers.root(container_id, command)

    bench.engine.programs = root
    with pytest.raises(type(fault)):
        rebuilt(bench, locked(bench, {HELLO: "1"}))
    assert bench.traces() == before


def test_variables_without_a_value_are_asked_for(bench: Bench) -> None:
    wanted = replace(locked(bench, {}), variables=("TOKEN", "A B"))
    with pytest.raises(UsageError) as caught:
        make_rebuild(wanted, Configuration(environment=(("X", "1"),)), "lock file x")
    assert str(caught.value) == "lock file x: it does not have the values of TOKEN, A B"
    assert caught.value.hint == "--env TOKEN=VALUE --env 'A B'=VALUE"
    make_rebuild(wanted, Configuration(environment=(("TOKEN", "1"), ("A B", ""))), "lock file x")


def test_lock_has_names_of_variables_and_no_values(bench: Bench) -> None:
    bench.create(environment=(("TOKEN", "s3cret"),))
    made = lock(bench.root, connect=lambda: bench.engine, progress=lambda *_: None).lock
    assert made.variables == ("TOKEN",)


def test_hostile_word_is_one_argument(bench: Bench, managers: Managers) -> None:
    managers.mirror = {"hello": ["2"]}
    rebuilt(bench, locked(bench, {HELLO: "2"}))
    install = next(call for call in managers.calls if "install" in call)
    assert install == (
        *("apt-get", "--yes", "--quiet", "install", "--no-install-recommends", "--allow-downgrades"),
        *("--", "hello=2"),
    )
