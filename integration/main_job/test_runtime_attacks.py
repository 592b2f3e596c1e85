"""What others put where cleanenv keeps its sockets: before an environment is made, and after /tmp was cleaned."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from integration.main_job.caller import Argument, Caller, Environment, error_of
from integration.main_job.traces import remove_all, traces

NOBODY = 65534
WHY = "it is not a directory that only you can use"


if os.geteuid() == 0:  # it takes root to be several users

    @pytest.fixture(scope="module")
    def newcomer(user: Caller, ground: Path) -> Iterator[Caller]:
        """A user who has nothing in /tmp yet."""
        name = f"ce-{uuid.uuid4().hex[:8]}"
        subprocess.run(["useradd", "--create-home", "--base-dir", ground / "home", name], check=True)
        try:
            account = pwd.getpwnam(name)
            home = Path(account.pw_dir)
            yield replace(
                user,
                name=name,
                uid=account.pw_uid,
                gid=account.pw_gid,
                groups=user.groups[:1],
                home=home,
                variables={**user.variables, "HOME": str(home), "USER": name, "LOGNAME": name},
                runtime=Path(f"/tmp/cleanenv-{account.pw_uid}"),
                state=home / ".local/state/cleanenv",
            )
        finally:
            subprocess.run(["userdel", name], check=True)

    @pytest.fixture
    def attacked(newcomer: Caller) -> Iterator[Caller]:
        """The newcomer, whose runtime directory and home are as at the beginning afterwards."""
        yield newcomer
        remove_all(newcomer, newcomer.home)
        newcomer.mkdir(newcomer.home)
        remove(newcomer.runtime)

    def remove(path: Path) -> None:
        if path.is_symlink() or path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path, ignore_errors=True)

    def as_nobody(*command: str | Path) -> None:
        subprocess.run(command, check=True, cwd="/", user=NOBODY, group=NOBODY, extra_groups=())

    def attack(kind: str, path: Path, caller: Caller) -> None:
        """Put something at the path, as somebody who is not the caller."""
        if kind == "a directory":
            as_nobody("mkdir", "-m", "700", path)
        elif kind == "an open directory":
            as_nobody("mkdir", "-m", "777", path)
        elif kind == "a link to a directory of the caller":
            victim = caller.mkdir(caller.home / "private")
            victim.chmod(0o700)
            as_nobody("ln", "-s", victim, path)
        elif kind == "a dangling link":
            as_nobody("ln", "-s", "/tmp/no-such-directory", path)
        else:
            as_nobody("touch", path)

    KINDS = ["a directory", "an open directory", "a link to a directory of the caller", "a dangling link", "a file"]

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_somebody_else_made_before_is_not_used(attacked: Caller, busybox: str, kind: str) -> None:
        attack(kind, attacked.runtime, attacked)
        before = traces(attacked, attacked.home)

        result = attacked.cleanenv("create", "-b", busybox, attacked.home / "env")

        assert error_of(result) == (1, f"runtime directory {attacked.runtime}: {WHY}", f"sudo rm -r {attacked.runtime}")
        assert traces(attacked, attacked.home) == before
        assert not os.path.exists("/tmp/no-such-directory")

    def test_own_directory_that_is_open_is_not_used_until_it_is_closed(attacked: Caller, busybox: str) -> None:
        attacked.mkdir(attacked.runtime).chmod(0o770)
        environment = Environment(attacked.home / "env", attacked)
        arguments: list[Argument] = ["create", "-b", busybox, "--link=/bin/sh", environment.path]

        refused = attacked.cleanenv(*arguments)
        assert error_of(refused) == (1, f"runtime directory {attacked.runtime}: {WHY}", f"chmod 700 {attacked.runtime}")

        assert attacked.run("chmod", "700", attacked.runtime).output == ""
        assert attacked.cleanenv(*arguments).returncode == 0
        assert environment.run("sh", "-c", "echo works").output == "works\n"
        assert attacked.cleanenv("destroy", environment.path).output == ""

    @pytest.mark.parametrize("kind", KINDS)
    def test_call_hands_nothing_to_what_came_in_place_of_a_directory_that_a_cleaner_took(
        attacked: Caller, busybox: str, kind: str
    ) -> None:
        environment = Environment(attacked.home / "env", attacked)
        made = attacked.cleanenv("create", "-b", busybox, "--link=/bin/env", environment.path)
        assert made.returncode == 0, made
        kept = attacked.runtime.with_name(f"{attacked.runtime.name}-kept")
        attacked.runtime.rename(kept)
        try:
            attack(kind, attacked.runtime, attacked)
            if "directory" in kind:
                # All that a call would look for, of the attacker: it would be let in by the modes.
                shutil.copytree(kept, attacked.runtime, dirs_exist_ok=True, ignore=lambda *_: ["agent", "control.sock"])
                subprocess.run(["chmod", "-R", "a+rwX", attacked.runtime], check=True)
            called = environment.run("env")
            started = attacked.cleanenv("start", "-e", environment.path)
            assert (called.returncode, called.stdout) == (125, "")
            assert called.stderr.startswith(("cleanenv: runtime directory ", "cleanenv: launch table: "))
            assert error_of(started) == (
                1,
                f"runtime directory {attacked.runtime}: {WHY}",
                f"sudo rm -r {attacked.runtime}",
            )
        finally:
            remove(attacked.runtime)
            kept.rename(attacked.runtime)
        assert "PATH=" in environment.run("env").output
