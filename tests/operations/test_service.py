"""A persistent environment gets a unit that systemd understands; where there is no systemd nothing is left."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from cleanenv.errors import EnvironmentStateError, ServiceError
from cleanenv.model.host import Host
from cleanenv.model.link import Link
from cleanenv.operations import service
from tests.operations.harness import Bench

SH = Link("sh", "/bin/sh")


class Systemctl:
    """Stands in PATH for systemctl, which needs a running manager. `calls` are what it was asked for."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "calls"
        self._program = directory / "bin/systemctl"
        self._program.parent.mkdir()
        self.answer("exit 0")

    @property
    def path(self) -> str:
        return f"{self._program.parent}:/usr/bin:/bin"

    def answer(self, script: str) -> None:
        self._program.write_text(f'#!/bin/sh\necho "$*" >>{self._log}\n{script}\n')
        self._program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []


@pytest.fixture
def systemctl(tmp_path: Path, bench: Bench) -> Systemctl:
    stand_in = Systemctl(tmp_path)
    bench.variables = {**bench.variables, "PATH": stand_in.path}
    return stand_in


def host_of(bench: Bench, **variables: str) -> Host:
    given = {**bench.variables, "XDG_CONFIG_HOME": str(bench.directory / "config"), **variables}
    return replace(bench.host, variables=given)


def units(bench: Bench) -> list[Path]:
    return list(bench.directory.glob("config/systemd/user/*"))


def test_unit_is_installed_and_removed(bench: Bench, systemctl: Systemctl) -> None:
    environment = bench.create(SH, persistent=True)
    host = host_of(bench)
    name = f"cleanenv-{environment.state.id}.service"

    path, at_boot = service.install(bench.root, host)

    assert (path, at_boot) == (bench.directory / "config/systemd/user" / name, False)
    assert f'ExecStart="/usr/bin/python3" "-I" "-m" "cleanenv" "start" "-e" "{bench.root}"' in path.read_text()
    assert systemctl.calls == ["--user daemon-reload", f"--user enable {name}"]

    service.remove(bench.root, host)
    service.remove(bench.root, host)
    assert units(bench) == []
    assert systemctl.calls[2:] == [f"--user disable {name}", "--user daemon-reload"]


def test_destroy_removes_the_unit(bench: Bench, systemctl: Systemctl) -> None:
    bench.create(SH, persistent=True)
    bench.variables = host_of(bench).variables
    service.install(bench.root, bench.host)
    bench.destroy()
    assert (units(bench), bench.warnings) == ([], [])
    assert len(systemctl.calls) == 4


def test_environment_that_is_not_persistent_is_refused(bench: Bench, systemctl: Systemctl) -> None:
    bench.create(SH)
    with pytest.raises(EnvironmentStateError) as caught:
        service.install(bench.root, host_of(bench))
    assert "persistent = True" in (caught.value.hint or "")
    assert (units(bench), systemctl.calls) == ([], [])


@pytest.mark.parametrize(
    ("says", "hint"),
    [
        ("echo 'Failed to connect to bus: No medium found' >&2; exit 1", "log in as this user"),
        ("echo no >&2; exit 4", ""),
    ],
)
def test_what_systemd_refuses_is_told_and_nothing_is_left(
    bench: Bench, systemctl: Systemctl, says: str, hint: str
) -> None:
    bench.create(SH, persistent=True)
    systemctl.answer(says)
    with pytest.raises(ServiceError) as caught:
        service.install(bench.root, host_of(bench))
    assert (caught.value.hint or "").startswith(hint)
    assert units(bench) == []


def test_host_without_systemd_is_told_another_way(bench: Bench) -> None:
    bench.create(SH, persistent=True)
    with pytest.raises(ServiceError) as caught:
        service.install(bench.root, host_of(bench, PATH="/nowhere"))
    assert caught.value.hint == "crontab -e, then: @reboot cleanenv start -e PATH"
    assert units(bench) == []


@pytest.mark.parametrize("name", ["plain", "a b", "50% $HOME", 'quo"te', "back\\", "ünï", "#;'"])
def test_systemd_reads_the_unit_as_it_was_meant(bench: Bench, tmp_path: Path, name: str) -> None:
    """The text is what systemd's own checker accepts; it looks for the programs of the commands too."""
    root = bench.directory / name
    environment = bench.create(SH, root=root, persistent=True)
    host = host_of(bench, DOCKER_HOST="unix:///a b%", PATH=f"{root}/bin:/usr/bin")
    text = service.unit_text(environment, host)
    assert f"{name}/bin:" not in text
    file = tmp_path / "cleanenv-test.service"
    file.write_text(text, encoding="utf-8")
    checker = shutil.which("systemd-analyze")
    assert checker is not None, "systemd is not installed (apt-get install systemd)"

    done = subprocess.run([checker, "verify", "--man=no", file], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, ""), text
