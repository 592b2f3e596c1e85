"""300 automatic snapshots in a row: `make soak`. Takes minutes, so it is no part of `make test`."""

from __future__ import annotations

import itertools
import statistics
import time

import pytest

from integration.main_job.caller import ONE_CALLER
from integration.main_job.images import docker
from integration.main_job.traces import images
from integration.snapshots.conftest import Make

COUNT = 300


@ONE_CALLER
@pytest.mark.timeout(1800)
def test_three_hundred_snapshots_in_a_row_are_kept_and_come_back(make: Make) -> None:
    history = make()
    history.run("configure", "sh", "--pattern", "install", "--name", "run-{id}")
    seconds = []
    for number in range(1, COUNT + 1):
        start = time.monotonic()
        result = history.sh(f"echo {number} >~/install-{number}")
        seconds.append(time.monotonic() - start)
        assert f"cleanenv: snapshot {number} (run-{number}): " in result.stderr, result

    snapshots = history.snapshots
    assert [each["name"] for each in snapshots] == ["created", *(f"run-{number}" for number in range(1, COUNT + 1))]
    assert [each["parent"] for each in snapshots] == [None, *range(COUNT)]
    assert all(f"~/install-{number}" in str(each["cause"]) for number, each in enumerate(snapshots) if number)
    own = images(history.environment.path)
    assert {each["image"] for each in snapshots[1:]} == set(own)
    listed = docker("inspect", "--format", '{{len .RootFS.Layers}} {{index .Config.Labels "cleanenv.snapshot"}}', *own)
    depths = {int(number): int(depth) for depth, number in (line.split() for line in listed.splitlines())}
    assert max(depths.values()) <= 121
    flattened = [number for number in range(2, COUNT + 1) if depths[number] < depths[number - 1]]
    assert len(flattened) >= 2

    for number in (1, *itertools.chain.from_iterable((each - 1, each, each + 1) for each in flattened), COUNT):
        history.done("restore", str(min(number, COUNT)))
        assert len(history.files()) == min(number, COUNT)

    typical, slowest = statistics.median(seconds), max(seconds)
    print(f"{COUNT} snapshots: {typical:.2f} s typically, {slowest:.2f} s at most")
    print(f"flattened at {flattened}; {max(depths.values())} layers at most")
