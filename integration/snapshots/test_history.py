"""Snapshots of a real container: taken, gone back to, compared, removed."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Argument, Caller, error_of, finish
from integration.main_job.images import docker
from integration.main_job.traces import containers, images, traces
from integration.snapshots.conftest import Make


def test_states_are_kept_and_come_back(make: Make) -> None:
    history = make()
    history.sh("echo one >~/one")
    assert history.done("create", "first").startswith("snapshot 1 (first): ")
    history.sh("echo two >~/two; rm ~/one")
    history.done("create")
    history.sh("echo broken >~/two; mkdir ~/more")

    said = history.done("back").splitlines()

    assert said == ["saved as snapshot 3 (before-restore-3)", "at snapshot 2 (snapshot-2)"]
    assert history.sh("ls ~; cat ~/two").output == "two\ntwo\n"
    assert history.done("back") == "at snapshot 1 (first)\n"
    assert history.sh("ls ~; cat ~/one").output == "one\none\n"
    assert history.done("forward", "2") == "at snapshot 3 (before-restore-3)\n"
    assert history.sh("ls ~; cat ~/two").output == "more\ntwo\nbroken\n"
    assert history.done("restore", "created") == "at snapshot 0 (created)\n"
    assert history.files() == []
    short = history.environment.caller.cleanenv("snapshot", "first", "-e", history.environment.path)
    assert (short.returncode, short.stderr) == (0, "at snapshot 1 (first)\n")
    assert history.files() == ["one"]


@ONE_CALLER
def test_branches_are_drawn_with_the_position_and_what_led_there(make: Make) -> None:
    history = make()
    history.sh("echo one >~/one")
    history.done("create", "first")
    history.sh("echo two >~/two")
    history.done("create", "second")
    history.done("restore", "first")
    history.sh("echo three >~/three")
    history.done("create", "third")
    listed = history.run("list").output.splitlines()
    assert [line.split()[:4] for line in listed[:-1]] == [
        ["0", "created", *listed[0].split()[2:4]],
        ["1", "first", *listed[1].split()[2:4]],
        ["├─", "2", "second", listed[2].split()[3]],
        ["*", "3", "third", listed[3].split()[3]],
    ]
    assert listed[-1].endswith(" on disk beside the base image")
    assert [(each["id"], each["parent"]) for each in history.snapshots] == [(0, None), (1, 0), (2, 1), (3, 1)]


@ONE_CALLER
def test_next_snapshot_stores_only_what_changed_since(make: Make) -> None:
    history = make()
    history.sh("head -c 3000000 /dev/urandom >~/large")
    history.done("create")
    history.sh("echo small >~/small")
    history.done("create")
    sizes = [each["size"] for each in history.snapshots]
    assert sizes[2] == len("small\n")
    assert history.told["disk_use"] == sum(int(str(size)) for size in sizes)


def test_program_goes_on_through_a_snapshot_and_ends_with_a_restore(make: Make) -> None:
    history = make()
    command: list[Argument] = [history.environment.bin / "sh", "-c", "echo ready; read line; echo $line"]
    programs = [history.environment.caller.start(command, stdin=subprocess.PIPE) for _ in range(2)]
    for program in programs:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
    before = history.environment.container

    history.done("create")

    assert history.environment.container == before
    assert finish(programs[0], b"goes on\n").stdout == "goes on\n"
    history.done("restore", "0")
    assert finish(programs[1]).returncode != 0


@ONE_CALLER
def test_calls_at_once_after_it_wait_for_the_container_that_goes_on(make: Make) -> None:
    history = make()
    environment = history.environment
    for number in range(5):
        assert environment.caller.cleanenv("snapshot", "create", "-e", environment.path).returncode == 0
        assert history.sh(f"echo {number} >>~/lines").returncode == 0
    assert history.sh("cat ~/lines").output.split() == ["0", "1", "2", "3", "4"]
    assert environment.caller.cleanenv("snapshot", "restore", "3", "-e", environment.path).returncode == 0
    assert history.sh("cat ~/lines").output.split() == ["0", "1"]


@ONE_CALLER
def test_restore_asks_when_others_are_in_the_environment(make: Make) -> None:
    history = make()
    history.done("create", "first")
    before = history.environment.container
    with history.environment.caller.shell("bash") as shell:
        shell.output(f"source {history.environment.bin}/activate")
        code, said, hint = error_of(history.run("restore", "first"))
        assert code == 1
        assert "shells are in it" in said
        assert (hint, history.environment.container) == (
            f"cleanenv snapshot first --yes -e {history.environment.path}",
            before,
        )
        assert shell.output("cleanenv snapshot restore first 2>&1") == "at snapshot 1 (first)\n"
        history.done("restore", "first", "--yes")
        assert shell.output("sh -c 'echo works'") == "works\n"


@ONE_CALLER
def test_reset_keeps_the_history_and_hard_keeps_nothing(make: Make) -> None:
    history = make()
    environment = history.environment
    history.sh("echo one >~/one")
    assert environment.cleanenv("reset").stderr == "saved as snapshot 1 (before-restore-1)\n"
    assert history.files() == []
    history.done("restore", "1")
    assert history.files() == ["one"]
    code, said, hint = error_of(environment.cleanenv("reset", "--hard"))
    assert (code, said) == (1, f"reset {environment.path}: all changes and snapshots would be gone")
    assert hint == f"cleanenv reset --hard --yes -e {environment.path}"
    assert environment.cleanenv("reset", "--hard", "--yes").output == ""
    assert (history.files(), history.names, images(environment.path)) == ([], ["created"], [])


@ONE_CALLER
def test_container_that_cannot_start_leaves_the_old_one(make: Make, place: Path) -> None:
    history = make()
    environment = history.environment
    history.sh("echo one >~/one")
    history.done("create", "first")
    history.sh("echo two >~/two")
    history.done("create", "second")
    # In an image with a file where the agent's directory belongs no container starts.
    tar = place / "broken.tar"
    with tarfile.open(tar, "w") as file:
        file.addfile(tarfile.TarInfo(".cleanenv"))
    broken = docker("import", str(tar))
    state = environment.path / ".cleanenv/state.json"
    good = docker("images", "--quiet", "--no-trunc", "--filter", "label=cleanenv.snapshot=1").split()
    own = [each for each in images(environment.path) if each in good]
    try:
        state.write_text(state.read_text().replace(own[0], broken))
        result = history.run("restore", "first")
        assert result.returncode == 1, result
        state.write_text(state.read_text().replace(broken, own[0]))
        assert (history.files(), history.position) == (["one", "two"], 2)
        assert len(containers(environment.path)) == 1
        name = docker("inspect", "--format", "{{.Name}}", environment.container)
        assert not name.endswith("-before")
    finally:
        docker("rmi", "--force", broken)


@ONE_CALLER
def test_image_that_somebody_removed_is_said_and_others_still_work(make: Make) -> None:
    history = make()
    history.sh("echo one >~/one")
    history.done("create", "first")
    history.done("restore", "0")
    docker("rmi", "--force", images(history.environment.path)[0])
    code, said, hint = error_of(history.run("restore", "first"))
    assert code == 1
    assert said.endswith("was removed from the engine")
    assert (
        history.environment.caller.run(
            "sh", "-c", hint.replace("cleanenv", str(history.environment.caller.executable), 1)
        ).returncode
        == 0
    )
    history.sh("echo two >~/two")
    history.done("create", "second")
    assert history.names == ["created", "second"]


@ONE_CALLER
def test_what_a_volume_holds_is_in_no_snapshot_and_stays(make: Make, busybox: str) -> None:
    built = subprocess.run(
        ["docker", "build", "--quiet", "-"],
        input=f"FROM {busybox}\nRUN mkdir -m 777 /data\nVOLUME /data\n",
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()[-1]
    try:
        history = make(image=built)
        history.sh("echo one >/data/one; echo one >~/one")
        history.done("create", "first")
        history.sh("echo two >/data/two; echo two >~/two")
        history.done("restore", "first", "--discard")
        assert history.sh("ls /data").output.split() == ["one", "two"]
        assert history.files() == ["one"]
        volume = docker(
            "inspect", "--format", "{{range .Mounts}}{{if .Name}}{{.Name}}{{end}}{{end}}", history.environment.container
        )
        history.environment.caller.cleanenv("destroy", history.environment.path)
        assert volume not in docker("volume", "ls", "--quiet").split()
    finally:
        docker("rmi", "--force", built, check=False)


@ONE_CALLER
def test_difference_is_told_in_files_with_their_sizes(make: Make) -> None:
    history = make()
    history.sh("echo gone >~/gone; echo same >~/same; echo 1 >~/changed")
    history.done("create", "first")
    history.sh("rm ~/gone; echo 123 >~/changed; echo new >~/new")
    home = history.sh("echo ~").output.strip()
    expected = [f"~ 2 B -> 4 B  {home}/changed", f"- 5 B         {home}/gone", f"+ 4 B         {home}/new"]
    assert history.run("diff", "first").output.splitlines() == expected
    history.done("create", "second")
    assert history.run("diff", "first", "second").output.splitlines() == expected
    assert history.run("diff", "second", "second").output == ""


@ONE_CALLER
def test_snapshots_are_renamed_removed_and_pruned(make: Make) -> None:
    history = make()
    path = history.environment.path
    for name in ("one", "two", "three"):
        history.sh(f"echo {name} >~/{name}")
        history.done("create", name)
    history.done("restore", "one")
    assert history.run("rename", "two", "middle").output == ""
    assert error_of(history.run("remove", "middle"))[1:] == (
        "remove snapshot 2 (middle): snapshot 3 (three) stands on it",
        "cleanenv snapshot remove --cascade 2",
    )
    assert history.done("remove", "--cascade", "middle") == "removed 2 (middle), 3 (three): 10 B are free\n"
    assert len(images(path)) == 1
    history.done("restore", "created")
    history.sh("echo four >~/four")
    history.done("create", "four")
    assert error_of(history.run("prune"))[1] == f"prune {path}: 1 one would be gone"
    history.done("prune", "--yes")
    assert (history.names, len(images(path))) == (["created", "four"], 1)


def test_destroy_leaves_nothing_of_a_history(make: Make, caller: Caller, place: Path) -> None:
    before = traces(caller, place)
    history = make()
    history.sh("echo one >~/one")
    history.done("create")
    history.done("restore", "0")
    assert caller.cleanenv("destroy", history.environment.path).output == ""
    assert not [trace for trace in traces(caller, place) - before if not trace.startswith("file")]


@ONE_CALLER
def test_pip_installation_that_broke_something_is_undone(make: Make, debian: str, place: Path) -> None:
    history = make("--link", "/usr/bin/python3", "-d", f"{place}:rw", image=debian)
    environment = history.environment
    for version, body in (("1.0", "def greet(): return 'hello'"), ("2.0", "raise ImportError('broken')")):
        project = environment.caller.mkdir(place / f"greeting-{version}")
        environment.caller.write(project / "greeting.py", f"{body}\n")
        environment.caller.write(
            project / "setup.py",
            f"from setuptools import setup\nsetup(name='greeting', version='{version}', py_modules=['greeting'])\n",
        )
    program = ("python3", "-c", "import greeting; print(greeting.greet())")
    pip = ("python3", "-m", "pip", "install", "--quiet", "--no-index", "--no-build-isolation")
    history.run("configure", "python3", "--pattern", "-m pip install", "--name", "pip-{id}")

    first = environment.run(*pip, place / "greeting-1.0")
    assert first.returncode == 0, first
    assert "cleanenv: snapshot 1 (pip-1): " in first.stderr
    assert environment.run(*program).output == "hello\n"
    second = environment.run(*pip, place / "greeting-2.0")
    assert "cleanenv: snapshot 2 (pip-2): " in second.stderr
    assert environment.run(*program).returncode == 1
    assert history.run("diff", "--packages", "pip-1", "pip-2").output == "~ pip greeting  1.0 -> 2.0\n"
    history.done("back")
    assert environment.run(*program).output == "hello\n"


@ONE_CALLER
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("restore", "nothing"), 2, "snapshot nothing: the environment has none of that number or name"),
        (("back", "2"), 2, "snapshot back 2: there is none before snapshot 0 (created)"),
        (("forward",), 2, "snapshot forward 1: there is none after snapshot 0 (created)"),
        (("back", "0"), 2, "usage: Invalid value for '[N]': 0 is not in the range x>=1"),
        (("create", "7"), 2, "name '7': digits alone are the number of a snapshot"),
        (("create", "list"), 2, "name 'list': it is a command of cleanenv snapshot"),
        (("create", ""), 2, "snapshot: its name is empty"),
        (("remove", "0"), 2, "remove snapshot 0 (created): the state after create is always there"),
        (("rename", "0", "x"), 2, "rename snapshot 0 (created): the state after create keeps its name"),
        (("diff", "0", "nothing"), 2, "snapshot nothing: the environment has none of that number or name"),
        (("configure", "sh"), 2, "snapshots after sh: --pattern is missing"),
        (("configure", "sh", "--remove"), 2, "snapshots after sh: there is no such rule"),
        (("configure", "a/b", "--pattern", "x"), 2, "snapshots after a/b: 'a/b' is no name of a program"),
        (
            ("configure", "sh", "--pattern", "("),
            2,
            "snapshots after sh: '(' is no regular expression (missing ), unterminated subpattern at position 0)",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(make: Make, arguments: tuple[str, ...], code: int, said: str) -> None:
    history = make()
    before = history.environment.container
    assert error_of(history.run(*arguments))[:2] == (code, said)
    assert (history.environment.container, history.names) == (before, ["created"])
