"""Options of create that change what programs find inside."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from integration.main_job.caller import ONE_CALLER, Caller, Environment, error_of
from integration.main_job.conftest import Create
from integration.main_job.traces import traces


def test_user_and_variables_are_those_of_the_options(create: Create) -> None:
    environment = create("--user", "1234:build", "--env", "COLOUR=green", "--link=/bin/sh")
    script = (
        'id -u; id -un; id -G; echo "$HOME $COLOUR"; touch ~/made && echo writable; grep NoNewPrivs /proc/self/status'
    )
    said = environment.run("sh", "-c", script).output
    assert said == "1234\nbuild\n1234\n/home/build green\nwritable\nNoNewPrivs:\t1\n"


def test_configuration_decides_which_variables_of_the_caller_are_handed_on(caller: Caller, create: Create) -> None:
    names = ("SECRET_A", "SECRET_B", "COLOUR", "LD_LIBRARY_PATH")
    show = "; ".join(f'echo "${{{name}-none}}"' for name in names)
    calling = caller.with_variables(**{name: f"callers {name}" for name in names})
    environment = create(
        "--deny-env=SECRET_*", "--env=SECRET_B=own", "--allow-env=*", "--allow-env=LD_LIBRARY_PATH", "--link=/bin/sh"
    )

    linked = calling.run(environment.bin / "sh", "-c", show).output.splitlines()
    one_call = calling.cleanenv(
        "exec", "-e", environment.path, "--env", "SECRET_A=given", "--env=COLOUR", "--", "sh", "-c", show
    ).output.splitlines()

    assert linked == ["none", "own", "callers COLOUR", "callers LD_LIBRARY_PATH"]
    assert one_call == ["given", "own", "callers COLOUR", "callers LD_LIBRARY_PATH"]


def test_own_programs_run_at_start_stop_and_end(caller: Caller, create: Create) -> None:
    environment = create(
        "--link=/bin/sh",
        "--on-activate=echo up; exit 3",
        "--on-activate=exec httpd -f -p 127.0.0.1:18977 -h /etc",
        "--on-deactivate=echo down",
    )
    log = environment.path / ".cleanenv/log"
    with urllib.request.urlopen("http://127.0.0.1:18977/passwd", timeout=5) as page:
        assert caller.name in page.read().decode()
    assert caller.cleanenv("stop", "-e", environment.path).returncode == 0
    called = environment.run("sh", "-c", "echo called")
    why = f"on-activate 'echo up; exit 3': it ended with status 3: see {log}"
    assert (called.stdout, called.stderr) == ("called\n", f"cleanenv: {why}\n")

    words = [line for line in log.read_text().splitlines() if " on-" not in line]
    assert words == ["up", "down", "up"]


def test_file_of_the_first_cleanenv_makes_an_environment(caller: Caller, place: Path, busybox: str) -> None:
    project = caller.mkdir(place / "proj")
    caller.write(
        place / ".cleanenv.conf",
        f"[global]\nuser = {caller.uid}:{caller.name}\nbase = {busybox}\ncontainer_id = 0123456789ab\n"
        "on_activate = 'echo \"up, once\"', echo twice\n"
        f"[directory]\n{project} = /proj:rw\n[link]\nash = /bin/sh\n",
    )
    environment = Environment(place / "env", caller)
    made = caller.cleanenv("create", environment.path, cwd=place)
    assert made.returncode == 0, made

    script = 'id -un; id -G; cd && pwd && touch "$0" && ls /proj'
    name, groups, *rest = environment.run("ash", "-c", script, project / "file").output.splitlines()
    assert (name, rest) == (caller.name, [str(caller.home), "file"])
    assert sorted(groups.split()) == sorted({str(gid) for gid in (caller.gid, *caller.groups)})
    assert project.joinpath("file").stat().st_uid == caller.uid
    log = environment.path.joinpath(".cleanenv/log").read_text()
    assert [line for line in log.splitlines() if " on-" not in line] == ["up, once", "twice"]


@ONE_CALLER
def test_file_that_links_what_is_not_there_is_named(caller: Caller, place: Path, busybox: str) -> None:
    file = caller.write(place / "my.conf", f"[global]\nbase = {busybox}\n[link]\ncc = /usr/bin/no-cc\n")
    before = traces(caller, place)
    assert error_of(caller.cleanenv("create", "-c", file, place / "env")) == (
        2,
        f"configuration {file}, [link] cc = /usr/bin/no-cc: the container has no such file",
        f"create it without this link, then see: cleanenv exec -e {place}/env -- ls -l /usr/bin",
    )
    assert traces(caller, place) == before
