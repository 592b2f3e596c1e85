"""Servers of the distribution, run by on_activate: up when a shell is in, reached from the host, stopped, data kept."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import pytest

from integration.main_job.caller import ONE_CALLER, Environment, Shell, quoted
from integration.main_job.conftest import Create
from integration.main_job.traces import await_stop

pytestmark = ONE_CALLER


@pytest.fixture
def port() -> int:
    """A port of the host that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        number: int = server.getsockname()[1]
        return number


@contextlib.contextmanager
def visit(environment: Environment) -> Iterator[Shell]:
    """Enter the environment, and leave it."""
    with environment.caller.shell("bash") as shell:
        assert shell.output(f". {environment.bin}/activate") == ""
        yield shell
        assert shell.output("deactivate") == ""
    await_stop(environment)


def ask(port: int, request: bytes) -> bytes:
    """What a server says that listens on the host's own address."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(100)


def test_service_in_the_foreground_is_ended_by_the_stop(create: Create, services: str, port: int) -> None:
    environment = create(
        "-b", services, "--user", "1234:db",
        f"--on-activate=exec redis-server --port {port} --appendonly yes --logfile redis.log",
    )  # fmt: skip
    environment.cleanenv("stop")

    with visit(environment):
        assert ask(port, b"SET word kept\r\n") == b"+OK\r\n"
    with pytest.raises(ConnectionRefusedError):
        ask(port, b"")
    with visit(environment):
        assert ask(port, b"GET word\r\n") == b"$4\r\nkept\r\n"
        log = environment.run("inenv", "sh", "-c", "cat ~/redis.log").output
    # Asked once by each stop: that after create, and the first one of the shell.
    for words in ("Received SIGTERM scheduling shutdown", "Redis is now ready to exit, bye bye"):
        assert log.count(words) == 2


def test_service_in_the_background_is_up_and_stopped_by_its_own_command(
    create: Create, services: str, port: int
) -> None:
    bin_directory = "/usr/lib/postgresql/*/bin"
    environment = create(
        "-b", services, "--user", "1234:db", f"--link={bin_directory}/psql",
        f"--on-activate=test -d data || {bin_directory}/initdb --auth=trust data",
        f"--on-activate={bin_directory}/pg_ctl start -D data -l postgres.log -o '-p {port} -k /tmp'",
        f"--on-deactivate={bin_directory}/pg_ctl stop -D data -m fast",
    )  # fmt: skip
    client = ("psql", "-h", "localhost", "-p", str(port), "-d", "postgres", "-Atc")
    look = "select kept from word"

    with visit(environment) as shell:
        assert shell.output(quoted(*client, "create table word as select 42 as kept")) == "SELECT 1\n"
        encryption = struct.pack("!II", 8, 80877103)  # SSLRequest, the first thing that a client may ask
        assert ask(port, encryption) == b"N"
    with visit(environment) as shell:
        assert shell.output(quoted(*client, look)) == "42\n"
        log = environment.run("inenv", "sh", "-c", "cat ~/postgres.log").output
    assert log.count("received fast shutdown request") == log.count("database system is shut down") == 1
    assert "was interrupted" not in log
    # A call brings it up as well.
    called = environment.run(
        "psql", "-h", "localhost", "-p", str(port), "-d", "postgres", "-Atc", "select kept from word"
    )
    assert called.output == "42\n"


def test_line_that_ends_when_its_service_answers_is_not_waited_for_longer(
    create: Create, services: str, port: int
) -> None:
    """As the README has it. What the line leaves in the background goes on."""
    line = f"redis-server --port {{}} & until redis-cli -p {port} ping; do kill -0 $! || exit; sleep 0.1; done"
    environment = create("-b", services, "--user", "1234:db", f"--on-activate={line.format(port)}")
    environment.cleanenv("stop")
    before = time.monotonic()
    with visit(environment):
        assert ask(port, b"PING\r\n") == b"+PONG\r\n"
        assert time.monotonic() - before < 3
    broken = create(
        "-b", services, "--user", "1234:db", f"--on-activate={line.format(99999)}", path=environment.path.parent / "b"
    )
    broken.cleanenv("stop")
    with broken.caller.shell("bash") as shell:
        assert "it ended with status 1: see " in shell.output(f". {broken.bin}/activate")


def test_service_that_dies_at_once_is_told(create: Create, services: str) -> None:
    line = "redis-server --port 99999"
    environment = create("-b", services, "--user", "1234:db", f"--on-activate={line}")
    environment.cleanenv("stop")
    with environment.caller.shell("bash") as shell:
        said = shell.output(f". {environment.bin}/activate")
        assert said.startswith(f"cleanenv: on-activate '{line}': it ended with status 1: see ")
        assert shell.output("inenv sh -c 'echo works'") == "works\n"
