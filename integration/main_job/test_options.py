"""Options of create that change what programs find inside."""

from __future__ import annotations

import urllib.request

from integration.main_job.caller import Caller
from integration.main_job.conftest import Create


def test_user_and_variables_are_those_of_the_options(create: Create) -> None:
    environment = create("--user", "1234:build", "--env", "COLOUR=green", "--link=/bin/sh")
    script = (
        'id -u; id -un; id -G; echo "$HOME $COLOUR"; touch ~/made && echo writable; grep NoNewPrivs /proc/self/status'
    )
    said = environment.run("sh", "-c", script).output
    assert said == "1234\nbuild\n1234\n/home/build green\nwritable\nNoNewPrivs:\t1\n"


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
    assert environment.run("sh", "-c", "echo called").output == "called\n"

    words = [line for line in log.read_text().splitlines() if " on-" not in line]
    assert words == ["up", "down", "up"]
