"""There is no way to root in a container but `--sudo`, and that one needs no password."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.main_job.caller import Caller
from integration.main_job.conftest import Create
from integration.main_job.variants import changed


@pytest.fixture(scope="module")
def with_setuid(debian: str) -> Iterator[str]:
    """An image that has sudo, and an `id` that is root's whoever runs it."""
    with changed(debian, "cp /usr/bin/id /usr/local/bin/setuid-id; chmod 4755 /usr/local/bin/setuid-id") as image:
        yield image


def test_without_sudo_no_program_makes_its_caller_root(caller: Caller, with_setuid: str, create: Create) -> None:
    environment = create("-b", with_setuid, "--link=/usr/local/bin/setuid-id", "--link=/bin/sh")
    assert environment.run("setuid-id", "-u").output == f"{caller.uid}\n"
    assert environment.cleanenv("exec", "--", "setuid-id", "-u").output == f"{caller.uid}\n"
    # Where the environment says so, and where the user asks for it itself.
    entitled = environment.run("inenv", "ls", "/etc/sudoers.d")
    assert "cleanenv" not in entitled.stdout
    if caller.uid != 0:
        refused = environment.run("inenv", "sudo", "-n", "id", "-u")
        assert refused.returncode != 0
        assert refused.stdout == ""
        assert '"no new privileges" flag is set' in refused.stderr
    script = "grep -E 'NoNewPrivs|CapEff' /proc/self/status"
    says = dict(line.split() for line in environment.run("sh", "-c", script).output.splitlines())
    assert says["NoNewPrivs:"] == "1"
    if caller.uid != 0:
        assert int(says["CapEff:"], 16) == 0


def test_with_sudo_the_user_becomes_root_without_a_password(caller: Caller, with_setuid: str, create: Create) -> None:
    environment = create("-b", with_setuid, "--sudo", "--link=/usr/bin/sudo", "--link=/usr/local/bin/setuid-id")
    assert environment.run("inenv", "id", "-u").output == f"{caller.uid}\n"
    assert environment.run("sudo", "id", "-u").output == "0\n"
    assert environment.run("sudo", "-u", "daemon", "id", "-un").output == "daemon\n"
    assert environment.run("setuid-id", "-u").output == "0\n"
    # What root installs for all is there at once.
    environment.run("sudo", "sh", "-c", "printf '#!/bin/sh\\necho fresh\\n' > /usr/local/bin/fresh")
    environment.run("sudo", "chmod", "755", "/usr/local/bin/fresh")
    assert environment.cleanenv("exec", "--", "fresh").output == "fresh\n"


def test_sudo_is_the_users_of_the_environment_also_under_another_name(with_setuid: str, create: Create) -> None:
    environment = create("-b", with_setuid, "--sudo", "--user", "CORP\\ann", "--link=/usr/bin/sudo")
    assert environment.run("sudo", "sh", "-c", 'echo "$SUDO_USER $(id -u)"').output == "CORP_ann 0\n"
