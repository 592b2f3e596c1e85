"""Files of the host for programs of the container: mounts of every kind, links, names, what is not writable."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Caller, Environment, Result, error_of
from integration.main_job.conftest import Create
from integration.main_job.images import docker

NFC, NFD = "\u00e9", "e\u0301"  # one letter for a reader, two names for the kernel

# Tries to write wherever something is mounted below /r, and says where it could.
WRITE_EVERYWHERE = r"""
sed -n 's|^[0-9]* [0-9]* [^ ]* [^ ]* \(/r[^ ]*\) .*|\1|p' /proc/self/mountinfo | while IFS= read -r point; do
    directory=$(printf '%b' "$(printf %s "$point" | sed 's|\\\([0-7]\{3\}\)|\\0\1|g')")
    if touch "$directory/written" 2>/dev/null; then echo "WRITTEN $directory"; else echo "$directory"; fi
done
"""


@pytest.fixture
def mounted(create: Create, caller: Caller, place: Path) -> Environment:
    """`proj` is /work, `big` lies in it, `over` over a part of /r, `one.txt` is a file; `other` is below /r only."""
    for name in ("proj", "big", "over", "other"):
        caller.mkdir(place / name)
    caller.write(place / "one.txt", "one\n")
    caller.write(place / "other/file", "other\n")
    return create(
        *(f"--link=/bin/{name}" for name in ("sh", "cat", "touch", "rm", "ls")),
        *("-d", f"{place}/proj:/work:rw", "-d", f"{place}/big:/work/big:rw", "-d", f"{place}/one.txt:/one.txt"),
        *("-d", f"{place}/over:/r{place}/over:rw"),
    )


def _explained(result: Result) -> dict[str, str]:
    """What the arguments of a call become, of the output of --explain."""
    lines = [line.partition("   [")[0].partition(" -> ") for line in result.output.splitlines()]
    return {before: after or before for before, _, after in lines}


@ONE_CALLER
def test_a_file_is_the_same_file_by_every_name(mounted: Environment, place: Path) -> None:
    # A relative name from outside leads into the mount itself, which below /r could not be written.
    for name in (
        "proj/a",
        f"{place}/proj/b",
        "big/c",
        f"{place}/big/d",
        "over/e",
        f"{place}/over/f",
        "./proj/../big/g",
    ):
        assert mounted.run("touch", name, cwd=place).output == ""
    assert mounted.run("touch", "h", "../big/i", cwd=place / "proj").output == ""
    assert sorted(os.listdir(place / "proj")) == ["a", "b", "big", "h"]
    assert sorted(os.listdir(place / "big")) == ["c", "d", "g", "i"]
    assert sorted(os.listdir(place / "over")) == ["e", "f"]
    assert mounted.run("cat", f"{place}/one.txt", "other/file", cwd=place).output == "one\nother\n"
    for name, inside in (("one.txt", "/one.txt"), ("other/file", f"/r{place}/other/file")):
        refused = mounted.run("touch", f"{place}/{name}")
        assert (refused.returncode, refused.stderr) == (1, f"touch: {inside}: Read-only file system\n")


@ONE_CALLER
def test_a_directory_that_was_entered_through_a_link_is_the_real_one(mounted: Environment, place: Path) -> None:
    (place / "link").symlink_to("proj")
    (place / "far").symlink_to(place / "other")
    for link, inside in (("link", "/work"), ("far", f"/r{place}/other")):
        logical = {**mounted.caller.variables, "PWD": f"{place}/{link}"}
        said = mounted.caller.run(
            mounted.bin / "sh", "-c", "echo $PWD; pwd; pwd -P", cwd=place / link, variables=logical
        )
        assert said.output == f"{inside}\n" * 3


@ONE_CALLER
def test_a_link_leads_where_the_host_has_it(mounted: Environment, place: Path) -> None:
    (place / "proj/absolute").symlink_to(place / "other/file")
    (place / "proj/relative").symlink_to("absolute")
    (place / "directory").symlink_to(place / "proj")
    assert mounted.run("cat", f"{place}/proj/absolute").output == "other\n"
    assert mounted.run("touch", f"{place}/directory/made").output == ""
    assert (place / "proj/made").exists()
    # A program that removes a link removes the link.
    assert mounted.run("rm", f"{place}/proj/absolute").output == ""
    assert not os.path.lexists(place / "proj/absolute")
    assert (place / "other/file").exists()


def _unmount(point: Path | str) -> None:
    subprocess.run(["umount", "--lazy", point], check=True)


@pytest.fixture
def assembled(place: Path) -> Iterator[Path]:
    """A directory of the host with a file system in it, a directory and a file that are bound to places in it."""
    if os.geteuid() != 0:
        pytest.skip("mounting on the host needs root")
    top = place / "top"
    for directory in (top / "memory", top / "bound", place / "elsewhere"):
        directory.mkdir(parents=True)
    (place / "elsewhere/file").write_text("elsewhere\n")
    (top / "file").touch()
    with contextlib.ExitStack() as stack:
        for arguments in (
            ("-t", "tmpfs", "cleanenv-test", top / "memory"),
            ("--bind", place / "elsewhere", top / "bound"),
            ("--bind", place / "elsewhere/file", top / "file"),
        ):
            subprocess.run(["mount", *arguments], check=True)
            stack.callback(_unmount, arguments[-1])
        (top / "memory/file").write_text("memory\n")
        subprocess.run(["chmod", "-R", "a+rwX", top, place / "elsewhere"], check=True)
        yield top


@ONE_CALLER
@pytest.mark.parametrize("mounts", [[], ["{top}:/work:rw"], ["{top}:rw"]], ids=["root", "renamed", "identical"])
def test_what_the_host_has_mounted_is_the_same_file_by_every_name(
    create: Create, assembled: Path, mounts: list[str]
) -> None:
    """Below the root mount read-only, in a mount that was asked for with its rights."""
    options = (word for mount in mounts for word in ("-d", mount.format(top=assembled)))
    environment = create("--link=/bin/cat", "--link=/bin/touch", *options)
    names = [assembled / "memory/file", assembled / "bound/file", assembled / "file"]
    assert environment.run("cat", *names).output == "memory\nelsewhere\nelsewhere\n"
    assert environment.run("cat", "./bound/../memory/file", cwd=assembled).output == "memory\n"
    assert environment.run("cat", "file", cwd=assembled / "bound").output == "elsewhere\n"
    for directory in (assembled / "memory", assembled / "bound"):
        made = environment.run("touch", directory / "made")
        assert (made.returncode == 0, (directory / "made").exists()) == (bool(mounts), bool(mounts)), made


@ONE_CALLER
def test_names_are_bytes(mounted: Environment, place: Path) -> None:
    names = ["a", "A", NFC, NFD, "two words", "x\udcff", "new\nline"]
    for name in names:
        mounted.caller.write(place / "proj" / name, f"{name!r}\n")
        assert mounted.run("cat", place / "proj" / name).output == f"{name!r}\n"
    assert mounted.run("cat", *(place / "proj" / name for name in names)).output == "".join(f"{n!r}\n" for n in names)


def test_nothing_below_the_root_mount_can_be_written(mounted: Environment, place: Path) -> None:
    as_user = mounted.run("sh", "-c", WRITE_EVERYWHERE, cwd=place / "proj").output.splitlines()
    as_root = docker("exec", "-u", "0", mounted.container, "sh", "-c", WRITE_EVERYWHERE).splitlines()
    for lines in (as_user, as_root):
        # The mount that was asked for is writable, and nothing else.
        assert [line for line in lines if line.startswith("WRITTEN")] == [f"WRITTEN /r{place}/over"]
        assert "/r" in lines
    for directory in ("/r/dev/shm", "/r/tmp", "/r/etc", f"/r{place}"):
        tried = docker("exec", "-u", "0", mounted.container, "sh", "-c", f"touch {directory}/x 2>&1; true")
        assert tried.startswith(f"touch: {directory}/x: ")
        assert not (Path(directory.removeprefix("/r")) / "x").exists()


@ONE_CALLER
def test_paths_are_named_for_the_other_side(mounted: Environment, place: Path) -> None:
    def path(*arguments: str, cwd: Path = place) -> Result:
        return mounted.caller.cleanenv("path", "-e", str(mounted.path), *arguments, cwd=cwd)

    assert path(f"{place}/proj/x", "/etc/hosts", "/").output == "/work/x\n/r/etc/hosts\n/r\n"
    assert (
        path("--to-host", "/work/x", "/r/etc/hosts", "/work/big/y").output
        == f"{place}/proj/x\n/etc/hosts\n{place}/big/y\n"
    )
    assert path("x", "../other", cwd=place / "proj").output == f"x\n/r{place}/other\n"
    assert path("--absolute", "x", cwd=place / "proj").output == "/work/x\n"
    code, message, _ = error_of(path("--to-host", "/work/x", "/usr/bin"))
    assert (code, message) == (1, "path /usr/bin: it is the container's own: the host has it nowhere")
    assert error_of(path("--explain", "--to-host", "cat"))[0] == 2
    assert error_of(path("--explain", "no-such-program", "x")) == (
        *(2, "program no-such-program: it is not linked in this environment"),
        f"ls {mounted.bin}",
    )
    explained = _explained(path("--explain", "cat", "-n", f"{place}/proj/x", "proj/y", "/etc/hosts", "/api/v1"))
    assert {key: value for key, value in explained.items() if "=" not in key} == {
        f"directory {place}": f"/r{place}",
        "-n": "-n",
        f"{place}/proj/x": "/work/x",
        "proj/y": "/work/y",
        "/etc/hosts": "/r/etc/hosts",
        "/api/v1": "/api/v1",
    }


@ONE_CALLER
def test_options_of_a_program_hold_at_once(mounted: Environment, place: Path) -> None:
    def shown() -> str:
        return mounted.run("sh", "-c", 'echo "$1"', "x", f"{place}/proj").output

    assert shown() == "/work\n"
    assert mounted.cleanenv("link", "--args=off", "/bin/sh").output == ""
    assert shown() == f"{place}/proj\n"
    assert mounted.cleanenv("link", "--args=map", "/bin/sh").output == ""
    assert shown() == "/work\n"
