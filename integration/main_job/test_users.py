"""Whom programs run as: names and ids of every kind, on the host and in the image."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, error_of
from integration.main_job.conftest import Create
from integration.main_job.traces import traces
from integration.main_job.variants import changed

WHO = 'id -u; id -un; id -G; echo "$HOME"'


@ONE_CALLER
def test_system_user_is_the_images_own(create: Create, debian: str) -> None:
    environment = create("-b", debian, "--user", "system:www-data", "--link=/bin/sh")
    assert environment.run("sh", "-c", WHO).output == "33\nwww-data\n33\n/var/www\n"
    assert environment.cleanenv("exec", "--", "id", "-gn").output == "www-data\n"


@ONE_CALLER
def test_directory_of_the_image_stays_roots_when_it_is_a_system_users_home(create: Create, debian: str) -> None:
    environment = create("-b", debian, "--user", "system:daemon", "--link=/bin/sh")
    assert environment.run("sh", "-c", f"{WHO}; stat -c %U ~").output == "1\ndaemon\n1\n/usr/sbin\nroot\n"


def test_system_user_that_the_image_has_not_is_made(create: Create) -> None:
    environment = create("--user", "system:mysql", "--link=/bin/sh")
    script = f"{WHO}; touch ~/made && stat -c %U ~/made"
    assert environment.run("sh", "-c", script).output == "999\nmysql\n999\n/var/lib/mysql\nmysql\n"


@pytest.mark.parametrize(
    ("typed", "name"),
    [("a+b", "a_b"), ("CORP\\ann", "CORP_ann"), ("ann@corp.example", "ann_corp.example"), ("x" * 40, "x" * 32)],
)
def test_any_name_is_made_one_of_the_container(
    caller: Caller, place: Path, create: Create, typed: str, name: str
) -> None:
    project = caller.mkdir(place / "proj")
    environment = create("--user", typed, "--link=/bin/sh", "-d", f"{project}:rw")
    script = "whoami; echo $USER; cd && pwd && echo x > made && stat -c %U made; touch $0"
    said = environment.run("sh", "-c", script, project / "file").output
    assert said == f"{name}\n{name}\n/home/{name}\n{name}\n"
    assert project.joinpath("file").stat().st_uid == caller.uid


@pytest.fixture
def taken(caller: Caller, busybox: str) -> Iterator[str]:
    """An image in which the caller's uid and gid have other names, and the home is somewhere else."""
    script = (
        f"mkdir -p /etc; echo 'other:x:{caller.uid}:{caller.gid}::/srv/other:/bin/sh' > /etc/passwd;"
        f"echo 'others:x:{caller.gid}:' > /etc/group"
    )
    with changed(busybox, script) as image:
        yield image


def test_user_whose_id_has_another_name_in_the_image_keeps_the_own_one(
    caller: Caller, taken: str, create: Create
) -> None:
    environment = create("-b", taken, "--link=/bin/sh")
    script = "id -u; id -un; cd ~ && pwd && touch made && stat -c %U made && rm made"
    assert environment.run("sh", "-c", script).output == f"{caller.uid}\n{caller.name}\n{caller.home}\n{caller.name}\n"


@pytest.mark.parametrize(
    "script",
    ["mkdir /home; chmod 555 /home", "mkdir -p /home/build; chmod 755 /home/build; chmod 555 /home"],
    ids=["of root", "with the home in it"],
)
def test_home_is_writable_where_the_images_is_not(create: Create, busybox: str, script: str) -> None:
    with changed(busybox, script) as image:
        environment = create("-b", image, "--user", "1234:build", "--link=/bin/sh")
        said = environment.run("sh", "-c", "cd; pwd; echo text > file; cat file").output
        assert environment.cleanenv("destroy", "--yes").returncode in {0, 2}
    assert said == "/home/build\ntext\n"


def test_home_is_never_made_on_the_host(caller: Caller, place: Path, busybox: str) -> None:
    homes = caller.mkdir(place / "homes")
    before = traces(caller, place)

    result = caller.cleanenv("create", "-b", busybox, "-d", f"{homes}:/home:rw", "-u", "7:build", place / "env")

    assert error_of(result) == (
        2,
        f"user build: the home /home/build is on the mount /home, and {homes}/build is not there",
        f"mkdir {homes}/build",
    )
    assert traces(caller, place) == before


def test_groups_of_the_caller_open_files_and_can_be_given(caller: Caller, tools: Environment) -> None:
    gid = next((gid for gid in reversed(caller.groups) if gid != caller.gid), caller.gid)
    file = tools.project / "of the group"
    file.write_text("shared\n")
    os.chown(file, 0 if os.geteuid() == 0 else -1, gid)
    file.chmod(0o060 if caller.uid else 0o600)
    assert tools.run("cat", file).output == "shared\n"

    assert tools.run("sh", "-c", f"touch $0 && chgrp {gid} $0", tools.project / "given").output == ""
    status = tools.project.joinpath("given").stat()
    assert (status.st_uid, status.st_gid) == (caller.uid, gid)


def test_files_on_a_mount_belong_to_the_caller_with_its_umask(caller: Caller, tools: Environment) -> None:
    made = caller.run("sh", "-c", 'umask 027; "$0" -c "mkdir new; touch new/file"', tools.bin / "sh", cwd=tools.project)
    assert made.output == ""
    kinds = {path: path.stat() for path in (tools.project / "new", tools.project / "new/file")}
    assert {(status.st_uid, status.st_gid) for status in kinds.values()} == {(caller.uid, caller.gid)}
    assert [stat.S_IMODE(status.st_mode) for status in kinds.values()] == [0o750, 0o640]


if os.geteuid() == 0:  # it takes root to become a uid that nobody has

    def test_caller_without_an_account_is_told_that_it_needs_one(user: Caller, ground: Path, busybox: str) -> None:
        uid = 1_234_567
        home = ground / "home of nobody"
        home.mkdir()
        os.chown(home, uid, uid)
        nobody = replace(
            user, uid=uid, gid=uid, groups=user.groups[:1], home=home, runtime=Path(f"/tmp/cleanenv-{uid}")
        )
        before = traces(nobody, home)

        assert error_of(nobody.cleanenv("create", "-b", busybox, home / "env")) == (
            2,
            f"user {uid}: the host has no account of that id, without which fusermount mounts nothing",
            f"useradd --create-home --uid {uid} NAME",
        )
        assert traces(nobody, home) == before
        assert nobody.cleanenv("list").output == ""
