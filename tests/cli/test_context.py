"""Which environment is meant, by which path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cleanenv.cli.context import absolute, current_host, environment_root
from cleanenv.cli.progress import showing_progress
from cleanenv.errors import UsageError


def test_path_is_the_one_that_the_kernel_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tmp_path / "real"
    (real / "envs").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (real / "envs/current").symlink_to("a")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(real))
    for given, expected in {
        "link/envs/new": real / "envs/new",
        "link/envs/new/": real / "envs/new",
        "link/envs/../x": real / "x",
        "link/envs/current": real / "envs/a",
        ".": tmp_path,
        "..": tmp_path.parent,
        "~/x": real / "x",
        "-x": tmp_path / "-x",
        "a b\udcff": tmp_path / "a b\udcff",
        "/": Path("/"),
    }.items():
        assert absolute(given) == expected


def test_environment_that_is_named_comes_before_the_active_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEAN_ENV", "/active")
    assert environment_root(None) == Path("/active")
    assert environment_root("/named") == Path("/named")


@pytest.mark.parametrize("value", [None, ""])
def test_without_any_environment_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("CLEAN_ENV", raising=False)
    else:
        monkeypatch.setenv("CLEAN_ENV", value)
    with pytest.raises(UsageError, match="none is active and none was named"):
        environment_root(None)


def test_working_directory_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        with pytest.raises(UsageError) as caught:
            current_host()
    finally:
        os.chdir(tmp_path)
    assert caught.value.hint == "cd to a directory that exists"


def test_progress_is_silent_without_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with showing_progress() as progress:
        progress("pulling", 1, 2)
        progress("pulling", 2, None)
    assert capfd.readouterr() == ("", "")
