"""Programs of a login whose connection is lost: they are told as all others, and none is left."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect
import pytest

from integration.main_job.caller import TIMEOUT_S, Caller, quoted
from integration.main_job.conftest import Create

pytestmark = [
    pytest.mark.parametrize("caller", ["user"], indirect=True),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it logs an account of its own in"),
]

PROMPT = "logged-in> "


@dataclass(frozen=True, slots=True)
class Login:
    """A shell on a terminal, by ssh: what is typed into the client, and the server's process for this connection."""

    client: pexpect.spawn[bytes]
    server: subprocess.Popen[bytes]

    def kill_client(self) -> None:
        """As when the other machine is gone."""
        assert self.client.pid is not None
        os.kill(self.client.pid, signal.SIGKILL)

    def kill_server(self) -> None:
        self.server.kill()


@pytest.fixture
def login(caller: Caller, place: Path) -> Iterator[Login]:
    """A login of the user, in the test's place. The server gets its one connection from here and listens nowhere."""
    for name in ("host", "user"):
        subprocess.run(["dropbearkey", "-t", "ed25519", "-f", place / name], check=True, capture_output=True)
    public = subprocess.run(["dropbearkey", "-y", "-f", place / "user"], check=True, capture_output=True, text=True)
    keys = caller.mkdir(caller.home / ".ssh")
    caller.write(keys / "authorized_keys", public.stdout.splitlines()[1] + "\n", mode=0o600)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, keys)
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listening.settimeout(TIMEOUT_S)
        client: pexpect.spawn[bytes] = pexpect.spawn(
            "dbclient",
            [
                "-y",
                "-y",
                "-t",
                "-i",
                f"{place}/user",
                "-p",
                f"{listening.getsockname()[1]}",
                f"{caller.name}@127.0.0.1",
            ],
            env={"PATH": "/usr/bin:/bin", "TERM": "dumb", "HOME": str(place)},
            timeout=TIMEOUT_S,
        )
        stack.callback(client.close, force=True)
        connection, _ = listening.accept()
        with connection:
            command = ["/usr/sbin/dropbear", "-i", "-m", "-r", str(place / "host")]
            server = stack.enter_context(
                subprocess.Popen(command, stdin=connection.fileno(), stdout=connection.fileno())
            )
        stack.callback(server.kill)
        client.sendline(f"PS1={quoted(PROMPT[:3])}{quoted(PROMPT[3:])}; cd {quoted(place)}")
        client.expect_exact(PROMPT)
        yield Login(client, server)


@pytest.mark.parametrize("kill", [Login.kill_client, Login.kill_server])
def test_programs_end_with_the_connection(
    create: Create, login: Login, place: Path, kill: Callable[[Login], None]
) -> None:
    environment = create("--link", "/bin/sh", "--link", "/bin/cat")
    log, held = environment.caller.write(place / "log", ""), place / "held"
    os.mkfifo(held)
    environment.caller.own(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    try:
        script = "trap 'echo told >&8; exit' HUP; echo r''eady; while :; do sleep 1; done"
        login.client.sendline(
            f"{environment.bin}/sh -c {quoted(script)} 8>> log 9> held | {environment.bin}/cat 9> held"
        )
        login.client.expect_exact("ready")
        kill(login)

        ended = select.poll()
        ended.register(reader, select.POLLHUP)
        assert ended.poll(TIMEOUT_S * 1000), "a program is left"
    finally:
        os.close(reader)
    assert log.read_text() == "told\n"
