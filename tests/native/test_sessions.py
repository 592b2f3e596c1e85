"""What the agent tells of its use, and how the launcher speaks to the environment server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pexpect
import pytest

from cleanenv.agent.activity import Activity, ask_activity
from cleanenv.agent.client import AgentAbsentError
from cleanenv.model.mount import Mount
from tests.native.conftest import IDENTITY, USUAL, HostEnvironment
from tests.native.control_socket import Serve, serving

AGENT = "agent"


def activity(environment: HostEnvironment) -> Activity:
    return ask_activity(environment.runtime / AGENT)


def started(environment: HostEnvironment, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """A call that runs until its input ends."""
    process = environment.popen(name, *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


WAIT = ("-c", "echo ready; read line")


def test_calls_are_counted_while_they_run(environment: HostEnvironment) -> None:
    assert activity(environment).calls == 0
    with started(environment, "sh", *WAIT), started(environment, "inenv", "sh", *WAIT) as second:
        assert activity(environment) == Activity(2, 0)
        second.communicate()
        assert activity(environment) == Activity(1, 0)
    assert activity(environment).calls == 0


def test_idle_time_begins_with_the_end_of_the_last_call(own_environment: HostEnvironment) -> None:
    before = activity(own_environment)
    while activity(own_environment).idle_s < 0.2:
        os.sched_yield()
    own_environment.run("true")
    after = activity(own_environment)

    assert before.calls == after.calls == 0
    assert after.idle_s < 0.2


@pytest.mark.parametrize("text", ["off", "both"])
def test_calls_on_a_terminal_are_counted(own_environment: HostEnvironment, text: str) -> None:
    own_environment.link(
        *USUAL, mounts=(*IDENTITY, Mount("/nowhere", "/cleanenv-named", writable=True))
    )  # there is a name
    terminal = pexpect.spawn(
        str(own_environment.bin / "sh"),
        ["-c", "echo ready; read line; echo done"],
        env={**os.environ, "CLEANENV_TEXT": text},
        cwd="/",
        timeout=10,
    )
    try:
        terminal.expect("ready")
        assert activity(own_environment) == Activity(1, 0)
        terminal.sendline("go on")
        terminal.expect("done")
        terminal.wait()
        assert activity(own_environment).calls == 0
    finally:
        terminal.close(force=True)


def test_detached_descendants_do_not_count(environment: HostEnvironment) -> None:
    said = environment.run("sh", "-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!")
    try:
        assert activity(environment).calls == 0
    finally:
        os.kill(int(said.stdout), signal.SIGKILL)


def test_hooks_do_not_count(environment: HostEnvironment) -> None:
    environment.serve(".hook")
    idle_s = activity(environment).idle_s
    with started(environment, ".hook", "sh", *WAIT):
        assert activity(environment).calls == 0
    after = activity(environment)
    assert after.calls == 0
    assert after.idle_s >= idle_s


def test_hook_has_all_its_descriptors(environment: HostEnvironment) -> None:
    environment.serve(".hook")
    said = environment.run(".hook", "sh", "-c", "echo out; echo error >&2")
    assert (said.returncode, said.stdout, said.stderr) == (0, b"out\n", b"error\n")


def test_whoever_has_connected_before_counts(own_environment: HostEnvironment) -> None:
    """It may be about to call: nobody is stopped who is on the way."""
    with own_environment.connect():
        assert activity(own_environment).calls == 1


def test_without_an_agent_there_is_none_to_ask(own_environment: HostEnvironment) -> None:
    own_environment.agent.kill()
    own_environment.agent.wait()
    with pytest.raises(AgentAbsentError):
        activity(own_environment)
    with pytest.raises(AgentAbsentError):
        ask_activity(own_environment.runtime / "nowhere")


# While the environment closes


def test_hook_is_let_in_while_the_environment_closes_and_nobody_else(own_environment: HostEnvironment) -> None:
    own_environment.serve(".hook")
    (own_environment.runtime / AGENT).rename(own_environment.runtime / "closing")

    assert own_environment.run(".hook", "sh", "-c", "exit 7", cwd="/").returncode == 7
    refused = own_environment.run("sh", "-c", "exit 7")
    assert refused.returncode == 125
    assert b"its container is not running and its server is gone" in refused.stderr


def test_hook_waits_for_no_start(own_environment: HostEnvironment) -> None:
    """Who runs it holds the lock that a start would wait for."""
    own_environment.serve(".hook")
    own_environment.agent.kill()
    own_environment.agent.wait()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(own_environment.runtime / "control.sock"))
        listener.listen()  # and never answers
        refused = own_environment.run(".hook", "true")
    assert refused.returncode == 125


# The environment server

ENDED = b"cleanenv: environment: its server ended before it had answered\nhint: cleanenv start -e '%s'\n"


@pytest.fixture
def serve(own_environment: HostEnvironment) -> Iterator[Serve]:
    """Stands for the environment server."""
    own_environment.serve(".session")
    with serving(own_environment) as serve:
        yield serve


@pytest.mark.parametrize("verb", ["enter", "leave"])
def test_session_is_told_to_the_server(own_environment: HostEnvironment, serve: Serve, verb: str) -> None:
    asked = serve(b"ok {}\n")
    done = own_environment.run(".session", verb, "4194304")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert asked == [f"{verb} 4194304\n".encode()]


def test_what_the_server_warns_of_is_shown(own_environment: HostEnvironment, serve: Serve) -> None:
    serve(b'ok {"a": 1}\ton-activate x: it failed: see log\tand another\n')
    done = own_environment.run(".session", "enter", "1")
    assert done.returncode == 0
    assert done.stderr == b"cleanenv: on-activate x: it failed: see log\ncleanenv: and another\n"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"error\tengine\tit does not run\tdockerd\n", b"cleanenv: engine: it does not run\nhint: dockerd\n"),
        (b"error\tengine\tit does not run\t\n", b"cleanenv: engine: it does not run\n"),
        (b"", ENDED),
        (b"nonsense\n", ENDED),
    ],
)  # fmt: skip
def test_failure_of_the_server_is_shown(
    own_environment: HostEnvironment, serve: Serve, reply: bytes, said: bytes
) -> None:
    serve(reply)
    done = own_environment.run(".session", "enter", "1")
    runtime = os.fsencode(own_environment.runtime)
    assert (done.returncode, done.stderr) == (125, said.replace(b"%s", runtime))


def test_server_that_is_gone_is_told(own_environment: HostEnvironment) -> None:
    own_environment.serve(".session")
    done = own_environment.run(".session", "leave", "1")
    assert done.returncode == 125
    assert done.stderr.startswith(b"cleanenv: environment: its server is gone\nhint: cleanenv start -e ")


def test_server_that_is_gone_is_brought_back_to_enter(own_environment: HostEnvironment) -> None:
    own_environment.serve(".session")
    with_python = replace(own_environment, python="/bin/echo")
    with_python.link()
    done = with_python.run(".session", "enter", "77")
    assert done.stdout.decode() == f"-I -m cleanenv start --enter 77 -e {own_environment.runtime}\n"


@pytest.mark.parametrize(
    "arguments",
    [(), ("enter",), ("enter", "1", "2"), ("start", "1"), ("enter", ""), ("enter", "0"), ("enter", "1x"),
     ("enter", "-1"), ("enter", "1\n"), ("leave", "12345678901")],
)  # fmt: skip
def test_wrong_words_are_refused(own_environment: HostEnvironment, arguments: tuple[str, ...]) -> None:
    own_environment.serve(".session")
    done = own_environment.run(".session", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.endswith(b"hint: .session enter PID\n")


def test_key_ends_the_wait_for_the_server(own_environment: HostEnvironment) -> None:
    own_environment.serve(".session")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(own_environment.runtime / "control.sock"))
        listener.listen()
        waiting = own_environment.popen(".session", "leave", "1")
        connection, _address = listener.accept()
        with connection:
            assert connection.recv(100) == b"leave 1\n"
            waiting.send_signal(signal.SIGINT)
            assert waiting.wait(10) == -signal.SIGINT
