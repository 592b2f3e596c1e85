"""`destroy` asks before it takes an environment away from shells that are in it."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import click
import pytest

from cleanenv.cli import lifecycle
from cleanenv.errors import EnvironmentStateError
from cleanenv.sessions import Session

WHY = "shells are in it (4194303)"


class Bench:
    """An environment in which shells are, and a person who is asked. `is_terminal`: there is one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.destroyed: list[Path] = []
        self.sessions: tuple[Session, ...] = (Session(4194303, 7),)
        self.asked: list[str] = []
        self.answer = False
        self.is_terminal = True
        monkeypatch.setattr("cleanenv.operations.destroy.destroy", lambda root, *_, **__: self.destroyed.append(root))
        monkeypatch.setattr("cleanenv.operations.destroy.sessions_in", lambda _root: self.sessions)
        monkeypatch.setattr(click, "confirm", self._confirm)
        stdin = io.StringIO()
        monkeypatch.setattr(stdin, "isatty", lambda: self.is_terminal)
        monkeypatch.setattr(sys, "stdin", stdin)

    def destroy(self, *options: str) -> None:
        lifecycle.destroy.main([*options, "/env x"], standalone_mode=False)

    def _confirm(self, text: str, **_: object) -> bool:
        self.asked.append(text)
        return self.answer


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def test_a_person_is_asked(bench: Bench) -> None:
    with pytest.raises(EnvironmentStateError) as caught:
        bench.destroy()
    assert caught.value.why == "nothing was done"
    assert (bench.asked, bench.destroyed) == ([f"destroy /env x: {WHY}. Go on?"], [])

    bench.answer = True
    bench.destroy()
    assert bench.destroyed == [Path("/env x")]


def test_a_script_is_told_what_to_type(bench: Bench) -> None:
    bench.is_terminal = False
    with pytest.raises(EnvironmentStateError) as caught:
        bench.destroy()
    assert (caught.value.why, caught.value.hint) == (WHY, "cleanenv destroy --yes '/env x'")
    assert (bench.asked, bench.destroyed) == ([], [])


def test_who_says_yes_before_is_not_asked(bench: Bench) -> None:
    bench.destroy("--yes")
    assert (bench.asked, bench.destroyed) == ([], [Path("/env x")])


def test_who_is_in_it_is_not_asked_and_told_to_leave(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.sessions = (Session(os.getppid(), 7),)
    bench.destroy()
    assert (bench.asked, bench.destroyed) == ([], [Path("/env x")])
    assert capsys.readouterr().err == "this shell is still in it: type deactivate\n"


def test_nobody_is_asked_about_nobody(bench: Bench) -> None:
    bench.sessions = ()
    bench.destroy()
    assert (bench.asked, bench.destroyed) == ([], [Path("/env x")])
