"""`cleanenv lock` and `create --locked` at the command line: what is wrong is said before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanenv.cli.lock import show_differences
from cleanenv.model.lock import Difference
from tests.cli.conftest import Run

LOCK = f"""\
[lock]
version = 1
image = debian:bookworm
digest = sha256:{"a" * 64}
env = TOKEN
[global]
base = debian:bookworm
network = none
[link]
cc = /usr/bin/gcc
[deb]
curl = 1
[end]
"""


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".cleanenv.conf").write_text("[global]\nbase = of the file\nsudo = True\n")
    (tmp_path / "cleanenv.lock").write_text(LOCK)
    return "cleanenv.lock"


def test_what_is_typed_goes_over_the_lock_file_and_the_configuration_file_is_not_read(run: Run, lock: str) -> None:
    code, output, errors = run(
        *("create", "--locked", lock, "--network", "lab", "--env", "TOKEN=1", "--generate-config-file")
    )
    assert (code, errors) == (0, "")
    assert output == (
        "[global]\nbase = debian:bookworm\nnetwork = lab\n[directory]\n"
        "[link]\ncc = /usr/bin/gcc\n[environment]\nTOKEN = 1\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-b", "x"], "option --base-image: with --locked the lock file says that\nhint: leave --base-image away"),
        (["--config", "x"], "option --config: with --locked the lock file says that\nhint: leave --config away"),
        ([], "lock file cleanenv.lock: it does not have the values of TOKEN\nhint: --env TOKEN=VALUE"),
    ],
)
def test_contradictions_are_refused(run: Run, lock: str, options: list[str], said: str) -> None:
    assert run("create", "--locked", lock, *options, "env") == (2, "", f"cleanenv: {said}\n")
    assert not Path("env").exists()


def test_file_that_is_not_there_is_told(run: Run, lock: str) -> None:
    del lock
    code, _, errors = run("create", "--locked", "nothing", "env")
    assert (code, errors) == (2, "cleanenv: lock file nothing: No such file or directory\n")


def test_lock_of_no_environment_writes_nothing(run: Run, tmp_path: Path) -> None:
    code, _, errors = run("lock", "-e", str(tmp_path), "-o", str(tmp_path / "x"))
    assert (code, "there is none at that path" in errors) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_differences_are_lines_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_differences(()) == 0
    assert show_differences((Difference("deb a", "1", "2"), Difference("npm b", None, "3"))) == 3
    assert capsys.readouterr().out == "deb a: wanted 1, got 2\nnpm b: not wanted, got 3\n"
