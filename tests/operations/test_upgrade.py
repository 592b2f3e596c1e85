"""Environments of another version of cleanenv go on as they are, until they are mounted by this one."""

from __future__ import annotations

import struct

import pytest

from cleanenv import mounts
from cleanenv.environments import Environment
from cleanenv.errors import EnvironmentStateError
from cleanenv.model.link import Link
from cleanenv.mounts import MountState
from tests.operations.harness import Bench

SH = Link("sh", "/bin/sh")


@pytest.fixture
def old(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment whose live directory a server of another version serves, with another launch table."""
    environment = bench.create(SH)
    table = environment.runtime.launch_table
    magic, version = struct.unpack_from("=2I", table.read_bytes())
    table.write_bytes(struct.pack("=2I", magic, version - 1) + b"what only its launcher knows")
    environment.paths.launcher.write_bytes(b"another launcher")
    environment.paths.agent.write_bytes(b"another agent")
    monkeypatch.setattr(mounts, "state", lambda _path: MountState.LIVE)
    return environment


def test_start_leaves_what_is_served_alone(bench: Bench, old: Environment) -> None:
    table, servers = old.runtime.launch_table.read_bytes(), len(bench.mounted)
    bench.stop()
    bench.start()
    assert old.runtime.launch_table.read_bytes() == table
    assert (old.paths.launcher.read_bytes(), len(bench.mounted)) == (b"another launcher", servers)


def test_link_says_what_to_type(bench: Bench, old: Environment) -> None:
    with pytest.raises(EnvironmentStateError) as caught:
        bench.link(Link("ls", "/bin/ls"))
    assert caught.value.hint == f"cleanenv umount -e {bench.root} && cleanenv mount -e {bench.root}"
    assert b"what only its launcher knows" in old.runtime.launch_table.read_bytes()


def test_new_mount_serves_the_launcher_that_knows_the_table(
    bench: Bench, old: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mounts, "state", lambda _path: MountState.ABSENT)
    bench.start()
    assert b"what only its launcher knows" not in old.runtime.launch_table.read_bytes()
    assert old.paths.launcher.read_bytes() == b"launcher"
    assert old.paths.agent.read_bytes() == b"another agent"
