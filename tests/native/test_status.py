"""How a call ends is how its program ended: the oracle is the same program run natively."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from cleanenv.model.link import Link
from tests.native.conftest import HostEnvironment, host_environment, start_agent

CATCHABLE = sorted(
    number for number in signal.valid_signals() if number not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCONT)
)
STOPPING = (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


@pytest.mark.parametrize("code", [0, 1, 2, 124, 125, 126, 127, 128, 129, 255])
def test_exit_code_is_exact(environment: HostEnvironment, code: int) -> None:
    assert environment.run("sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize(
    "number", [s for s in CATCHABLE if s not in (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, *STOPPING)]
)
def test_death_by_signal_is_the_same_death(environment: HostEnvironment, number: int) -> None:
    script = f"import os, signal; signal.signal({number}, signal.SIG_DFL); os.kill(os.getpid(), {number})"
    native = subprocess.run(["/usr/bin/python3", "-c", script], check=False, stderr=subprocess.DEVNULL)
    assert environment.run("python3", "-c", script).returncode == native.returncode == -number


@pytest.mark.parametrize("number", [s for s in CATCHABLE if s not in STOPPING])
def test_signal_to_the_launcher_reaches_the_program(environment: HostEnvironment, number: int) -> None:
    script = (
        f"import os, signal, sys\n"
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [{number}])\n"
        f"os.write(1, b'ready')\n"
        f"os.write(1, b' %d' % signal.sigwait([{number}]))\n"
    )
    with environment.popen("python3", "-c", script, stdout=subprocess.PIPE) as call:
        assert call.stdout is not None
        assert call.stdout.read(5) == b"ready"
        call.send_signal(number)
        assert call.stdout.read() == b" %d" % number
        assert call.wait(10) == 0


def test_missing_program_is_127(environment: HostEnvironment) -> None:
    environment.link(Link("nothing", "/nowhere/nothing"))
    result = environment.run("nothing")
    assert (result.returncode, result.stderr.splitlines()[0]) == (
        127,
        b"cleanenv: nothing: the container has no /nowhere/nothing",
    )


def test_file_that_is_no_program_is_126(environment: HostEnvironment) -> None:
    environment.link(Link("passwd-file", "/etc/passwd"))
    result = environment.run("passwd-file")
    assert (result.returncode, result.stderr.splitlines()[0]) == (
        126,
        b"cleanenv: passwd-file: /etc/passwd cannot be executed: Permission denied",
    )


def test_name_that_is_not_linked_is_127_and_says_how_to_link_it(environment: HostEnvironment) -> None:
    environment.serve("unknown")
    result = environment.run("unknown")
    assert result.returncode == 127
    assert result.stderr.startswith(b"cleanenv: unknown: it is not linked in this environment\nhint: cleanenv link")


def test_killed_launcher_takes_its_program_along(environment: HostEnvironment) -> None:
    """The program is asked by HUP; its end closes the pipe that only it holds."""
    reader, writer = os.pipe()
    call = environment.popen(
        "sh", "-c", "trap 'echo hup; exit' HUP; echo up; while :; do sleep 0.01; done", stdout=writer
    )
    os.close(writer)
    with open(reader, "rb") as output:
        assert output.readline() == b"up\n"
        call.kill()
        call.wait()
        assert output.read() == b"hup\n"


IGNORES = "trap '' HUP TERM; echo up; while :; do sleep 1; done"


@pytest.mark.parametrize(
    "script",
    [
        IGNORES,
        # The program ends at HUP, and its child does not.
        f"sh -c {shlex.quote(IGNORES)} & wait",
    ],
    ids=["program", "child of a program"],
)
@pytest.mark.parametrize("grace", [0, 1])
def test_what_ignores_hangup_is_killed_after_the_grace(script: str, grace: int) -> None:
    with host_environment("--grace", str(grace)) as environment:
        reader, writer = os.pipe()
        call = environment.popen("sh", "-c", script, stdout=writer)
        os.close(writer)
        with open(reader, "rb") as output:
            assert output.readline() == b"up\n"
            killed = time.monotonic()
            call.kill()
            call.wait()
            assert output.read() == b""
            assert 0.9 * grace <= time.monotonic() - killed < 4.5, "8 seconds are the default"


def test_child_that_left_the_group_outlives_its_launcher(environment: HostEnvironment) -> None:
    """Who makes a session of its own has detached itself on purpose."""
    reader, writer = os.pipe()
    call = environment.popen("sh", "-c", "setsid sh -c 'echo $$; exec sleep 99' & wait", stdout=writer)
    os.close(writer)
    with open(reader, "rb") as output:
        daemon = psutil.Process(int(output.readline()))
        call.kill()
        call.wait()
        environment.run("true")  # the agent has looked after what came before
        assert daemon.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        daemon.kill()
        assert output.read() == b""


@pytest.mark.parametrize("grace", ["", "-1", "1.5", "86401", "99999999999999999999", "soon"])
def test_agent_refuses_a_grace_that_is_none(tmp_path: Path, grace: str) -> None:
    with pytest.raises(AssertionError, match="the agent ended with 2"):
        start_agent(tmp_path, "--grace", grace)


def test_stopped_program_stops_its_launcher_and_goes_on_with_it(environment: HostEnvironment) -> None:
    call = environment.popen("sh", "-c", "kill -STOP $$; exit 5")
    _pid, status = os.waitpid(call.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    call.send_signal(signal.SIGCONT)
    assert call.wait(10) == 5


def test_ignored_signals_and_mask_are_inherited(environment: HostEnvironment) -> None:

    def set_up() -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR2, signal.SIGRTMIN, 63])

    def lines(output: bytes) -> list[bytes]:
        return [line for line in output.splitlines() if line.startswith((b"SigBlk", b"SigIgn"))]

    native = subprocess.run(["/bin/cat", "/proc/self/status"], preexec_fn=set_up, capture_output=True, check=True)
    through = environment.run("cat", "/proc/self/status", preexec_fn=set_up)
    assert lines(through.stdout) == lines(native.stdout)


def test_agent_that_dies_in_mid_call_is_125_with_a_reason(own_environment: HostEnvironment) -> None:
    with own_environment.popen("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as call:
        assert call.stdin is not None
        assert call.stdout is not None
        assert call.stderr is not None
        call.stdin.write(b"x")
        call.stdin.flush()
        assert call.stdout.read(1) == b"x"
        own_environment.agent.kill()
        assert call.wait(10) == 125
        assert call.stderr.readline() == b"cleanenv: cat: the container ended before the program did\n"
        call.stdin.close()


def test_stopped_and_continued_launcher_stops_and_continues_its_program(environment: HostEnvironment) -> None:
    """SIGSTOP cannot be caught: the agent notices that nobody answers."""
    script = "echo $$; while :; do :; done"
    with environment.popen("sh", "-c", script, stdout=subprocess.PIPE) as call:
        assert call.stdout is not None
        program = psutil.Process(int(call.stdout.readline()))
        call.send_signal(signal.SIGSTOP)
        while program.status() != psutil.STATUS_STOPPED:
            os.sched_yield()
        call.send_signal(signal.SIGCONT)
        while program.status() == psutil.STATUS_STOPPED:
            os.sched_yield()
        call.send_signal(signal.SIGTERM)
        assert call.wait(10) == -signal.SIGTERM
