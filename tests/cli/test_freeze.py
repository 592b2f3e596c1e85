"""`cleanenv freeze` and `create --from`: what is typed wrongly is told before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleanenv.model.container import Image
from cleanenv.model.history import History, chain_id
from cleanenv.model.packed import LABEL, Packed, dump_packed
from cleanenv.model.user import Group, User
from tests.cli.conftest import Run
from tests.engine import fake_archive
from tests.engine.fake_archive import Stored


@pytest.fixture(autouse=True)
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """What was frozen, with a directory that is not there."""
    layers = ("sha256:" + "1" * 64,)
    image = Image("sha256:" + "a" * 64, ("x:environment",), (), (), 0, layers)
    packed = Packed(
        cleanenv_version="0.2.0",
        image_name="debian:bookworm",
        base=chain_id(layers),
        user=User("ann", 1000, "/home/ann", (Group("ann", 1000),)),
        configuration="[global]\nbase = debian:bookworm\n[directory]\n/no/such = /data\n",
        history=History.begin(image.id, 1),
    )
    path = tmp_path / "frozen.tar"
    path.write_bytes(fake_archive.dump([(image, Stored({}, {LABEL: dump_packed(packed)}))], ["x:environment"]))
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--name", "Tools"], "option --name: 'Tools' is no name of an image"),
        (["--name", ""], "option --name: '' is no name of an image"),
        (["--output", "."], "file {here}: it is a directory"),
        (["--output", "no/file"], "file {here}/no/file: {here}/no is no directory that can be written to"),
    ],
)
def test_where_it_cannot_go_nothing_is_frozen(run: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    code, output, errors = run("freeze", "-e", "env", *arguments)
    assert (code, output, errors.splitlines()[0]) == (2, "", f"cleanenv: {said.format(here=tmp_path)}")


@pytest.mark.parametrize("command", ["freeze", "unfreeze"])
def test_environment_that_is_not_there_is_told(run: Run, tmp_path: Path, command: str) -> None:
    code, _, errors = run(command, "-e", "env")
    assert (code, errors.splitlines()[0]) == (2, f"cleanenv: environment {tmp_path}/env: there is none at that path")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", ""], "option --from: its name is empty"),
        (["--from", "no.tar"], "file no.tar: No such file or directory"),
        (["--from", "frozen.tar", "-b", "debian"], "option --from: what was frozen has a base image"),
        (
            ["--from", "frozen.tar"],
            "file frozen.tar, [directory] /no/such = /data: there is no /no/such on the host",
        ),
        (
            ["--from", "frozen.tar", "-d", "/:/data", "-d", "/:/more"],
            "directory /: it is /data in the container already",
        ),
    ],
)
def test_what_cannot_be_made_is_told_without_an_engine(
    run: Run, tmp_path: Path, file: Path, options: list[str], said: str
) -> None:
    code, output, errors = run("create", *options, "env")
    assert (code, output, errors.splitlines()[0].startswith(f"cleanenv: {said}")) == (2, "", True), errors
    assert sorted(tmp_path.iterdir()) == [file]


def test_configuration_that_lies_there_is_of_no_concern(run: Run, tmp_path: Path, file: Path) -> None:
    (tmp_path / ".cleanenv.conf").write_text("[nonsense]\n")
    _, _, errors = run("create", "--from", str(file), "env")
    assert f"file {file}, [directory]" in errors


def test_configuration_can_be_looked_at_before(run: Run, tmp_path: Path, file: Path) -> None:
    code, output, errors = run("create", "--from", "frozen.tar", "-d", "/:/data:rw", "--generate-config-file")
    assert (code, errors) == (0, "")
    assert output == "[global]\nbase = debian:bookworm\n[directory]\n/ = /data:rw\n"
    assert sorted(tmp_path.iterdir()) == [file]
