"""A launcher hands variables and descriptors to a socket in its runtime directory, if nobody else can have made it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.native.conftest import HostEnvironment

NOBODY = 65534


def refused(environment: HostEnvironment) -> bool:
    """Whether a call ends with one clear error and hands nothing over."""
    done = environment.run("env", env={"TOKEN": "secret"})
    if (done.returncode, done.stderr) == (0, b""):
        assert b"TOKEN=secret\n" in done.stdout
        return False
    why = f"runtime directory {environment.runtime}: it is not a directory that only you can use"
    said = f"cleanenv: {why}\nhint: cleanenv start -e ENVIRONMENT\n"
    assert (done.returncode, done.stdout, os.fsdecode(done.stderr)) == (125, b"", said)
    return True


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o720, 0o702, 0o755, 0o777])
def test_directory_that_is_open_to_others_is_refused(own_environment: HostEnvironment, mode: int) -> None:
    own_environment.runtime.chmod(mode)
    assert refused(own_environment)
    own_environment.runtime.chmod(0o700)
    assert not refused(own_environment)


def test_link_to_a_directory_is_refused(own_environment: HostEnvironment) -> None:
    moved = Path(f"{own_environment.runtime}-moved")
    own_environment.runtime.rename(moved)
    own_environment.runtime.symlink_to(moved)
    try:
        assert refused(own_environment)
    finally:
        own_environment.runtime.unlink()
        moved.rename(own_environment.runtime)
    assert not refused(own_environment)


if os.geteuid() == 0:  # it takes root to give a directory away

    def test_directory_of_somebody_else_is_refused(own_environment: HostEnvironment) -> None:
        os.chown(own_environment.runtime, NOBODY, NOBODY)
        assert refused(own_environment)
        os.chown(own_environment.runtime, 0, 0)
        assert not refused(own_environment)
