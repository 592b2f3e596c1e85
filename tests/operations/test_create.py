"""A create makes everything or nothing."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from cleanenv.configuration_file import read_configuration
from cleanenv.environments import open_environment
from cleanenv.errors import (
    CleanenvError,
    EngineError,
    EngineUnavailableError,
    EnvironmentStateError,
    ImageNotFoundError,
    MountError,
    UsageError,
)
from cleanenv.model.configuration import Configuration
from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.model.user import Group, User, UserRequest
from cleanenv.operations.create import create
from tests.operations.harness import IMAGE, Bench

SH = Link("sh", "/bin/sh")


def test_environment_is_what_was_asked_for(bench: Bench) -> None:
    environment = bench.create(SH, mounts=(Mount("/opt", "/opt", writable=True),), network="none")

    (spec,) = bench.engine.specs
    container = bench.engine.only()
    assert environment == open_environment(bench.root)
    assert environment.configuration == Configuration(
        IMAGE, (Mount("/opt", "/opt", writable=True),), (SH,), network="none"
    )
    assert environment.state.container_id == container.id
    assert container.is_running
    assert spec.mounts == environment.state.mounts
    assert (spec.network, spec.environment) == (
        "none",
        ("PATH=/.cleanenv/host/bin:/home/ann/.local/bin:/usr/bin:/bin", "PIP_BREAK_SYSTEM_PACKAGES=1"),
    )
    assert dict(spec.labels)["cleanenv.id"] == environment.state.id
    assert dict(spec.labels)["cleanenv.path"] == str(bench.root)
    assert bench.registry.roots() == (bench.root,)
    (settings,) = bench.mounted
    assert settings.environment == str(bench.root)
    assert (settings.links, settings.home) == ((SH,), "/home/ann")


def test_agent_is_told_the_user_and_its_groups(bench: Bench) -> None:
    bench.create(SH)
    (spec,) = bench.engine.specs
    uid, gid = os.geteuid(), os.getegid()
    assert " ".join(spec.arguments) == (
        f"--socket /.cleanenv/run/agent.sock --owner {uid} --user ann --uid {uid} --home /home/ann"
        f" --group staff:{gid} --group docker:105 --grace 8"
    )


def test_server_gets_the_engines_variables_and_no_others(bench: Bench) -> None:
    bench.variables = {**bench.variables, "DOCKER_HOST": "unix:///x"}
    bench.create(SH)
    names = {name for name, _ in bench.mounted[0].variables}
    assert names == {"DOCKER_HOST", "PATH", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"}


def test_files_are_for_the_user_alone(bench: Bench) -> None:
    environment = bench.create(SH)
    modes = {
        path: stat.S_IMODE(path.stat().st_mode)
        for path in (
            environment.paths.private,
            environment.runtime.root,
            environment.runtime.agent_directory,
            environment.runtime.launch_table,
        )
    }
    assert set(modes.values()) <= {0o700, 0o600}
    # The script lies beneath the mount too, so that an environment can be entered when nothing is mounted.
    assert b"deactivate" in (environment.paths.bin / "activate").read_bytes()


def test_without_links_the_default_ones_apply(bench: Bench) -> None:
    bench.create()
    assert Link(None, "/usr/local/bin/*") in bench.mounted[0].links
    assert read_configuration(bench.root / "cleanenv.conf").links is None


# Failures


def requests_of_a_create(bench: Bench) -> int:
    bench.create(SH)
    count = bench.engine.requests
    bench.destroy()
    bench.engine.requests = 0
    bench.mounted.clear()
    return count


@pytest.mark.parametrize("error", [EngineUnavailableError("it", "is gone"), KeyboardInterrupt()], ids=repr)
def test_create_that_fails_at_any_request_to_the_engine_leaves_nothing(bench: Bench, error: BaseException) -> None:
    for number in range(1, requests_of_a_create(bench) + 1):
        bench.engine.faults = {number: lambda: error}
        bench.engine.requests = 0
        with pytest.raises(type(error)):
            bench.create(SH, root=bench.directory / "deep/er/env")
        assert bench.traces() == set(), f"request {number}"


@pytest.mark.parametrize("error", [MountError("mount", "refused"), KeyboardInterrupt()], ids=repr)
def test_create_without_a_live_directory_leaves_nothing(bench: Bench, error: BaseException) -> None:
    bench.mount_fault = lambda: error
    with pytest.raises(type(error)):
        bench.create(SH)
    assert bench.traces() == set()


def test_agent_that_ends_at_once_is_told_by_its_last_words(bench: Bench) -> None:
    bench.engine.has_agent = False
    bench.engine.says_at_start = "cleanenv agent: socket: Permission denied\n"
    with pytest.raises(EngineError) as caught:
        bench.create(SH)
    assert caught.value.why == "its agent does not answer: cleanenv agent: socket: Permission denied"
    assert bench.traces() == set()


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (Link("x", "/no/such"), "the container has no such file"),
        (Link("x", "~/no/such"), "the container has no such file"),
    ],
)
def test_link_to_nothing_leaves_nothing(bench: Bench, link: Link, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        bench.create(SH, link)
    assert (caught.value.what, caught.value.why) == (f"link x:{link.path}", why)
    assert bench.traces() == set()


def test_state_directory_that_cannot_be_written_leaves_nothing(bench: Bench) -> None:
    (bench.directory / "cache").write_text("a file")
    bench.variables = {**bench.variables, "XDG_STATE_HOME": str(bench.directory / "cache")}
    with pytest.raises(OSError, match="Not a directory"):
        bench.create(SH)
    assert bench.traces() == set()


def test_installation_without_native_programs_is_told(bench: Bench) -> None:
    (bench.directory / "native/launcher").unlink()
    with pytest.raises(EnvironmentStateError) as caught:
        bench.create(SH)
    assert caught.value.why == "this installation of cleanenv was not built"
    assert bench.traces() == set()


def test_failed_create_keeps_what_was_in_the_directory(bench: Bench) -> None:
    bench.root.mkdir()
    (bench.root / "mine").write_text("text")
    (bench.root / "bin").mkdir()
    with pytest.raises(UsageError):
        bench.create(Link("x", "/no/such"))
    assert bench.traces() == {"env", "env/bin", "env/mine"}


def test_image_that_is_not_to_be_had_is_told_before_anything_is_made(bench: Bench) -> None:
    with pytest.raises(ImageNotFoundError):
        bench.create(SH, base="localhost/test/unknown:1")
    assert bench.traces() == set()
    assert not bench.engine.specs


# What is refused before the engine is asked


def refusal(bench: Bench, root: Path, *mounts: Mount) -> CleanenvError:
    before = bench.traces()
    with pytest.raises(UsageError) as caught:
        create(
            root,
            Configuration(base=IMAGE, links=(SH,), mounts=mounts),
            bench.host,
            clear=False,
            connect=lambda: pytest.fail("the engine was asked"),
            os_release={},
            progress=lambda *_: None,
            warn=bench.warnings.append,
            sources={},
        )
    assert bench.traces() == before
    return caught.value


def test_environment_that_exists_is_refused(bench: Bench) -> None:
    bench.create(SH)
    error = refusal(bench, bench.root)
    assert (error.why, error.hint) == ("there is one at that path", f"cleanenv create --clear {bench.root}")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a:b", "a colon ends an element of PATH"),
        ("a\nb", "a path cannot contain a newline here"),
        ("a\0b", "a path cannot contain a newline here"),
        ("x" * 256, "a part of the path is longer than a file name can be"),
        ("é" * 128, "a part of the path is longer than a file name can be"),
        ("d/" * 2100 + "e", "File name too long"),
        ("file", "the path is not a directory"),
        ("occupied", "{}/occupied/bin is not empty and would be hidden"),
        ("configured", "there is a cleanenv.conf that it would replace"),
        ("file/env", "{}/file is not a directory"),
    ],
)
def test_path_that_cannot_be_an_environment_is_refused(bench: Bench, name: str, why: str) -> None:
    (bench.directory / "file").touch()
    (bench.directory / "occupied/bin/mine").mkdir(parents=True)
    (bench.directory / "configured").mkdir()
    (bench.directory / "configured/cleanenv.conf").touch()
    assert refusal(bench, bench.directory / name).why == why.format(bench.directory)


def test_mounts_that_contradict_each_other_are_refused(bench: Bench) -> None:
    first = Mount("/a", "/x", writable=False)
    assert refusal(bench, bench.root, first, Mount("/b", "/x", writable=True)).why == (
        "/x in the container is /a already"
    )
    assert refusal(bench, bench.root, first, Mount("/a", "/y", writable=True)).why == (
        "it is /x in the container already"
    )


# --clear


def test_clear_replaces_the_old_environment(bench: Bench) -> None:
    old = bench.create(SH)
    (bench.root / "mine").write_text("text")
    new = bench.create(Link("ls", "/bin/ls"), clear=True)

    assert new.state.id != old.state.id
    assert bench.engine.only().id == new.state.container_id
    assert not old.runtime.root.exists()
    assert (bench.root / "mine").read_text() == "text"
    assert bench.registry.roots() == (bench.root,)


@pytest.mark.parametrize("text", [None, "{"])
def test_clear_replaces_what_a_killed_create_left(bench: Bench, text: str | None) -> None:
    left = bench.create(SH)
    other = bench.create(SH, root=bench.directory / "other")
    left.paths.state.unlink()
    if text is not None:
        left.paths.state.write_text(text)

    new = bench.create(SH, clear=True)

    assert {spec.name for spec in bench.engine.specs} == {
        f"cleanenv-{environment.state.id}" for environment in (new, other)
    }
    assert not left.runtime.root.exists()
    assert set(bench.registry.roots()) == {bench.root, other.paths.root}


def test_old_environment_stays_when_the_new_one_is_refused(bench: Bench) -> None:
    old = bench.create(SH)
    with pytest.raises(ImageNotFoundError):
        bench.create(SH, base="localhost/test/unknown:1", clear=True)
    assert open_environment(bench.root) == old
    assert bench.engine.only().is_running


def test_second_of_two_creates_at_once_is_refused(bench: Bench) -> None:
    """The first one is done in the moment in which the second has looked and not begun."""
    find = bench.engine.image
    first: list[str] = []

    def image(reference: str) -> object:
        if not first:
            first.append(reference)
            bench.create(SH)
        return find(reference)

    bench.engine.image = image  # type: ignore[method-assign, assignment]
    with pytest.raises(UsageError, match="there is one at that path"):
        bench.create(SH)
    assert bench.engine.only().id == open_environment(bench.root).state.container_id
    assert replace(open_environment(bench.root)).state.image_name == IMAGE


def test_container_is_made_as_the_options_say(bench: Bench) -> None:
    environment = bench.create(
        SH,
        user=UserRequest("build", 1234),
        sudo=True,
        publish=("8080:80",),
        grace=0,
        environment=(("COLOUR", "green"), ("PATH", "/x")),
    )

    (spec,) = bench.engine.specs
    words = " ".join(spec.arguments)
    assert f"--owner {os.geteuid()} --user build --uid 1234 --home /home/build --group build:1234" in words
    assert words.endswith("--grace 0 --new-privileges")
    assert (spec.network, spec.publish) == ("bridge", ("8080:80",))
    assert {"COLOUR=green", "PATH=/x"} <= set(spec.environment)
    assert (environment.state.owner, environment.state.user.home) == (os.geteuid(), "/home/build")


PASSWD = b"root:x:0:0:root:/root:/bin/sh\nmysql:x:101:105::/var/lib/mysql:/bin/false\n"
GROUP = b"root:x:0:\nmysql:x:105:\nssl-cert:x:106:mysql,ann\n"


def test_system_user_is_the_one_of_the_image(bench: Bench) -> None:
    bench.engine.files_of_images = {"/etc/passwd": PASSWD, "/etc/group": GROUP}
    environment = bench.create(SH, user=UserRequest("mysql", is_system=True))
    assert environment.state.user == User("mysql", 101, "/var/lib/mysql", (Group("mysql", 105), Group("ssl-cert", 106)))
    assert environment.configuration.user == UserRequest("mysql", is_system=True)
    assert environment.state.owner == os.geteuid()


def test_system_user_of_an_image_without_any_user_is_made(bench: Bench) -> None:
    environment = bench.create(SH, user=UserRequest("svc", is_system=True))
    assert environment.state.user == User("svc", 999, "/var/lib/svc", (Group("svc", 999),))


def test_home_that_would_have_to_be_made_on_the_host_is_refused(bench: Bench) -> None:
    homes = bench.directory / "homes"
    homes.mkdir()
    mounts = (Mount(str(homes), "/home", writable=True),)
    before = bench.traces()
    with pytest.raises(UsageError) as caught:
        bench.create(SH, user=UserRequest("build"), mounts=mounts)
    error = caught.value
    assert (error.what, error.hint) == ("user build", f"mkdir {homes}/build")
    assert error.why == f"the home /home/build is on the mount /home, and {homes}/build is not there"
    assert bench.traces() == before

    (homes / "build").mkdir()
    assert bench.create(SH, user=UserRequest("build"), mounts=mounts).state.user.home == "/home/build"


@pytest.mark.parametrize(
    ("network", "why", "hint"),
    [
        (
            "labor",
            "the engine has none of that name, but bridge, host, lab, none",
            "docker network create labor",
        ),
        ("container:nobody", "the engine has no such container", "docker ps"),
    ],
)
def test_network_that_is_not_there_is_refused(bench: Bench, network: str, why: str, hint: str) -> None:
    before = bench.traces()
    with pytest.raises(UsageError) as caught:
        bench.create(SH, network=network)
    assert (caught.value.what, caught.value.why, caught.value.hint) == (f"network {network}", why, hint)
    assert bench.traces() == before


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("host", "in the host's network every port is the host's already"),
        ("none", "network none has no ports to publish"),
        ("container:x", "network container:x has no ports to publish"),
    ],
)
def test_ports_of_a_network_that_has_none_are_not_published(bench: Bench, network: str, why: str) -> None:
    before = bench.traces()
    with pytest.raises(UsageError, match=f"^publish 8080:80: {why}$"):
        bench.create(SH, publish=("8080:80",), network=network)
    assert bench.traces() == before


@pytest.fixture
def host_with_r(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has something at /r; a link that leads nowhere is enough."""
    known = os.path.lexists
    monkeypatch.setattr(os.path, "lexists", lambda path: path == "/r" or known(path))


@pytest.mark.usefixtures("host_with_r")
def test_host_that_has_the_mount_point_itself_is_refused(bench: Bench) -> None:
    """M7."""
    with pytest.raises(UsageError) as caught:
        bench.create(SH)
    assert str(caught.value) == "mount point /r: the host itself has a /r: its paths would mean two things"
    assert caught.value.hint == "create the environment with another mount point: --directory /:/host"
    assert not bench.root.exists()
    assert bench.create(SH, mounts=(Mount("/", "/host", writable=False),)).state.mounts[-1].container == "/host"


@pytest.mark.parametrize(
    ("mounts", "said"),
    [
        (("/a:/x", "/b:/x"), "directory /b: /x in the container is /a already"),
        (("/a:/x", "/a:/x"), "directory /a: /x in the container is /a already"),
        (("/a:/x", "/a:/y"), "directory /a: it is /x in the container already"),
    ],
)
def test_mounts_that_are_one_twice_are_refused(bench: Bench, mounts: tuple[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        bench.create(SH, mounts=tuple(Mount(*each.partition(":")[::2], writable=False) for each in mounts))
    assert str(caught.value) == said
    assert not bench.root.exists()
