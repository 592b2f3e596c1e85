"""What hooks, server and container have written is shown from its end, and followed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cleanenv.errors import UsageError
from cleanenv.model.link import Link
from cleanenv.operations.logs import Part, Piece, follow_logs, read_logs
from tests.operations.harness import Bench

SH = Link("sh", "/bin/sh")


def read(bench: Bench, *parts: Part, lines: int = 100) -> list[Piece]:
    return list(read_logs(bench.root, parts or tuple(Part), lines, connect=lambda: bench.engine))


def test_each_part_that_has_written_is_shown(bench: Bench) -> None:
    bench.engine.says_at_start = "ready\n"
    environment = bench.create(SH)
    environment.paths.log.write_bytes(b"one\ntwo \xff\n")
    environment.runtime.server_log.write_text("served\n")
    assert read(bench) == [
        Piece(Part.HOOKS, str(environment.paths.log), b"one\ntwo \xff\n"),
        Piece(Part.SERVER, str(environment.runtime.server_log), b"served\n"),
        Piece(Part.CONTAINER, f"docker logs {environment.state.container_id[:12]}", b"ready\n"),
    ]


def test_what_has_written_nothing_is_left_out_and_no_engine_is_asked_for_files(bench: Bench) -> None:
    bench.create(SH)
    assert read(bench) == []
    bench.engine.is_gone = True
    assert read(bench, Part.HOOKS, Part.SERVER) == []


def test_container_that_is_gone_has_written_nothing(bench: Bench) -> None:
    environment = bench.create(SH)
    bench.engine.remove_container(environment.state.container_id)
    assert read(bench, Part.CONTAINER) == []


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        (b"1\n2\n3\n", 2, b"2\n3\n"),
        (b"1\n2\n3", 2, b"2\n3"),
        (b"1\n", 5, b"1\n"),
        (b"1\n2\n", 0, b""),
        (b"x" * 200_000 + b"\nlast\n", 1, b"last\n"),
        (b"a\rb\n", 1, b"a\rb\n"),
    ],
)
def test_last_lines_are_shown(bench: Bench, content: bytes, lines: int, expected: bytes) -> None:
    environment = bench.create(SH)
    environment.paths.log.write_bytes(content)
    assert b"".join(piece.content for piece in read(bench, Part.HOOKS, lines=lines)) == expected


def test_what_comes_is_followed_until_the_environment_is_gone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = bench.create(SH)
    hooks, server = environment.paths.log, environment.runtime.server_log
    server.write_text("old\nlast\n")

    def append(path: Path, text: str) -> None:
        with path.open("a") as file:
            file.write(text)

    steps: list[Callable[[], object]] = [
        lambda: append(hooks, "begins\n"),
        lambda: append(server, "goes on\n"),
        lambda: server.write_text("anew\n"),  # shorter than it was
        lambda: None,
        lambda: shutil.rmtree(environment.paths.private),
    ]
    monkeypatch.setattr("cleanenv.operations.logs.time.sleep", lambda _: steps.pop(0)())
    pieces = [piece.content for piece in follow_logs(bench.root, (Part.HOOKS, Part.SERVER), 1)]
    assert pieces == [b"last\n", b"begins\n", b"goes on\n", b"anew\n"]


def test_container_is_followed_by_the_engine_alone(bench: Bench) -> None:
    environment = bench.create(SH)
    with pytest.raises(UsageError) as caught:
        list(follow_logs(bench.root, (Part.CONTAINER,), 1))
    assert caught.value.hint == f"docker logs --follow {environment.state.container_id[:12]}"
