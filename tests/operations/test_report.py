"""What there is, told without changing anything."""

from __future__ import annotations

import shutil

from cleanenv.model.link import Link
from cleanenv.model.mount import Mount
from cleanenv.operations.report import Summary
from tests.operations.harness import IMAGE, Bench

SH = Link("sh", "/bin/sh")


def test_environments_are_listed_with_their_state(bench: Bench) -> None:
    assert bench.list() == ()
    for name in ("b", "a", "broken", "gone"):
        bench.create(SH, root=bench.directory / name)
    bench.engine.stop_container(bench.engine.containers("cleanenv.path=" + str(bench.directory / "a"))[0].id, 1)
    (bench.directory / "broken/.cleanenv/state.json").write_text("{")
    shutil.rmtree(bench.directory / "gone")

    assert bench.list() == (
        Summary(str(bench.directory / "a"), "stopped", IMAGE),
        Summary(str(bench.directory / "b"), "running", IMAGE),
        Summary(str(bench.directory / "broken"), "damaged", ""),
    )


def test_list_asks_no_engine(bench: Bench) -> None:
    bench.create(SH)
    bench.engine.is_gone = True
    assert [summary.state for summary in bench.list()] == ["running"]


def test_agent_that_says_nonsense_is_silent(bench: Bench) -> None:
    bench.create(SH)
    (agent,) = bench.engine.agents
    agent.reply = lambda _kind, _texts: (b"nonsense", [])
    assert [summary.state for summary in bench.list()] == ["silent"]


def test_status_tells_everything_of_one_environment(bench: Bench) -> None:
    environment = bench.create(SH, Link(None, "/opt/*"), mounts=(Mount("/srv", "/data", writable=True),))
    status = bench.status()

    assert (status.path, status.id, status.image, status.user) == (
        str(bench.root),
        environment.state.id,
        IMAGE,
        "ann",
    )
    assert (status.container, status.container_id) == ("running", environment.state.container_id)
    assert status.mounts == ("/:/r:ro", "/tmp:/tmp:rw", "/srv:/data:rw")
    assert (status.links, status.live_directory) == (("sh:/bin/sh", "/opt/*"), "absent")


def test_status_tells_of_a_container_that_somebody_removed(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.engine.remove_container(environment.state.container_id)
    assert (bench.status().container, bench.status().programs) == ("removed", ())
