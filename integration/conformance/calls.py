"""Calls without a terminal: a command of the shell that calls programs of a directory, `$X`.

Its output, its errors and its status must be the same whether the directory is /usr/bin or that of an environment.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CALLS", "PROGRAMS", "Call", "observe"]

PROGRAMS = (
    "cat", "false", "head", "make", "nohup", "python3", "setsid", "sh", "sleep", "timeout", "true", "xargs", "yes",
)  # fmt: skip

TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Call:
    """A command for bash. `area` is the line of the promise that it belongs to."""

    area: str
    name: str
    command: str


_ENDED = "import subprocess, sys; print([subprocess.run([sys.argv[1], '-c', c]).returncode for c in sys.argv[2:]])"
_SIGNALS = " ".join(f"'kill -{number} $$'" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 34, 50, 64))
_FORWARD = (
    "import signal,os,sys,subprocess\n"
    "code = 'import signal,sys,os\\n'"
    "'wanted = [int(sys.argv[1])]\\n'"
    "'signal.pthread_sigmask(signal.SIG_BLOCK, wanted)\\n'"
    "'os.write(1, b\"up\")\\n'"
    "'os.write(1, b\"%d\" % signal.sigwait(wanted))\\n'"
    "'os._exit(9)\\n'\n"
    "for number in [*range(1, 9), *range(10, 17), *range(23, 32), *range(34, 65)]:\n"
    "    if number == 18: continue\n"
    "    p = subprocess.Popen([sys.argv[1], '-c', code, str(number)], stdout=subprocess.PIPE)\n"
    "    assert os.read(p.stdout.fileno(), 2) == b'up'\n"
    "    p.send_signal(number)\n"
    "    print(number, p.stdout.read(), p.wait())\n"
)
_TESTS = (
    "import os, pytest\n"
    "@pytest.mark.parametrize('n', range(40))\n"
    "def test_it(n): assert n != 17\n"
    "def test_worker(): assert os.environ['PYTEST_XDIST_WORKER'].startswith('gw')\n"
)
_MASK = "import signal; print(sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))))"
_APPEND = (
    "import os, fcntl, sys; f = fcntl.fcntl(1, fcntl.F_GETFL); print(bool(f & os.O_APPEND), bool(f & os.O_NONBLOCK))"
)

CALLS: tuple[Call, ...] = (
    Call("status", "every exit status", 'for s in {0..255}; do $X/sh -c "exit $s"; echo $?; done'),
    Call("status", "death by signal", f'ulimit -c 0; python3 -c "{_ENDED}" $X/sh {_SIGNALS}'),
    Call("status", "the shell's report of a signal", "ulimit -c 0; $X/sh -c 'kill -SEGV $$' 2>/dev/null; echo $?"),
    Call("status", "pipefail", "set -o pipefail; $X/false | $X/true; echo $?; $X/true | $X/sh -c 'exit 3'; echo $?"),
    Call("status", "PIPESTATUS", "$X/sh -c 'exit 4' | $X/cat | $X/false; echo ${PIPESTATUS[@]}"),
    Call("status", "wait", "$X/sh -c 'exit 6' & wait $!; echo $?"),
    Call("status", "timeout(1)", "timeout -s TERM 0.2 $X/sleep 99; echo $?; timeout -s KILL 0.2 $X/sleep 99; echo $?"),
    Call("status", "time", "TIMEFORMAT=x; time $X/sh -c 'exit 2'; echo $?"),
    Call("signals", "every signal that can be caught", 'python3 -c "$CODE" $X/python3'),
    Call("signals", "ignored signals", "trap '' INT HUP USR1; $X/cat /proc/self/status | grep SigIgn"),
    Call("signals", "nohup", "nohup $X/sh -c 'kill -HUP $$; echo alive' 2>/dev/null"),
    Call(
        "signals",
        "mask",
        f'python3 -c "import signal, os, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [10, 15, 40]);'
        f" os.execv(sys.argv[1], sys.argv[1:])\" $X/python3 -c '{_MASK}'",
    ),
    Call("streams", "SIGPIPE", "$X/yes | head -1; echo ${PIPESTATUS[@]}"),
    Call(
        "streams",
        "binary both ways",
        "head -c 3000000 /dev/zero | $X/cat | cksum; head -c 100000 /bin/bash | $X/cat | cksum",
    ),
    Call("streams", "closed input", "$X/cat <&-; echo $?"),
    Call("streams", "closed output", "$X/sh -c 'echo x' >&- 2>/dev/null; echo $?"),
    Call("streams", "all three closed", "$X/sh -c 'exit 5' <&- >&- 2>&-; echo $?"),
    Call("streams", "above 2", "echo text > f; $X/sh -c 'cat <&7; echo more >&9' 7<f 9>>f; cat f"),
    Call(
        "streams",
        "process substitution",
        "$X/cat <(echo a) <(echo b); echo x | tee >($X/cat > g) > /dev/null; wait; sleep 0.1; cat g",
    ),
    Call("streams", "here-document", "$X/cat <<EOF\nline $((1+1))\nEOF"),
    Call("streams", "/dev/full", "$X/sh -c 'echo x' > /dev/full 2>/dev/null; echo $?"),
    Call("streams", "append", f"$X/python3 -c '{_APPEND}' >> h; cat h; echo one >> h; $X/sh -c 'echo two' >> h; cat h"),
    Call("streams", "stderr apart", "$X/sh -c 'echo out; echo err >&2' 2>e; cat e"),
    Call("streams", "seek shared with the shell", "{ echo one; $X/sh -c 'echo two'; echo three; } > s; cat s"),
    Call("streams", "one line of many", "printf 'a\\nb\\nc\\n' > l; { $X/sh -c 'read x; echo got $x'; cat; } < l"),
    Call(
        "context",
        "arguments",
        "$X/python3 -c 'import sys; print([a.encode(\"utf8\",\"surrogateescape\") for a in sys.argv])' ''"
        " ' ' $'a\\nb' $'\\xff\\xfe' '\"' \"'\" '$x' '*' -- -x =  a=b",
    ),
    Call(
        "context",
        "2 MB of arguments",
        "$X/python3 -c 'import sys; print(len(sys.argv), sum(map(len, sys.argv)))'"
        " $(for i in {1..20000}; do printf '%090d ' $i; done)",
    ),
    Call(
        "context",
        "an argument that is too long",
        "$X/true \"$(head -c 200000 /dev/zero | tr '\\0' x)\" 2>/dev/null; echo $?",
    ),
    Call(
        "context",
        "variables",
        "A= B=$'\\n' C=$'\\xff' D='a=b' $X/python3 -c 'import os; print([os.environb[x] for x in (b\"A\", b\"B\","
        ' b"C", b"D")])\'',
    ),
    Call("context", "umask", "umask 027; $X/sh -c 'umask; > u'; stat -c %a u"),
    Call("context", "niceness", "nice -n 7 $X/python3 -c 'import os; print(os.nice(0))'"),
    Call("context", "limits", "ulimit -S -n 321; ulimit -S -s 4096; $X/sh -c 'ulimit -n; ulimit -s'"),
    Call("context", "directory", "mkdir -p d; cd d; $X/sh -c 'pwd'; cd ..; $X/sh -c 'pwd; echo $OLDPWD'"),
    Call(
        "context",
        "argv[0]",
        "(exec -a other $X/python3 -c 'import sys; print(open(\"/proc/self/cmdline\").read().split(chr(0))[0])')",
    ),
    Call(
        "context",
        "user and groups",
        "$X/python3 -c 'import os; print(os.getuid(), os.getgid(), sorted(os.getgroups()))'",
    ),
    Call("context", "locale", "LANG=xx LC_TIME=yy TERM=zz $X/sh -c 'echo $LANG $LC_TIME $TERM'"),
    Call("many", "xargs -P", "seq 200 | xargs -P 8 -n 1 $X/sh -c 'echo $0' | sort -n | cksum"),
    Call(
        "many",
        "the jobserver of make",
        "printf 'all: a b c d\\na b c d:\\n\\t@%s/sh -c \"echo $@; sleep 0.1\"\\n' $X > Makefile; make -j4 | sort",
    ),
    Call("many", "xargs -P inside", "seq 200 | $X/xargs -P 8 -n 1 sh -c 'echo $0' | sort -n | cksum"),
    Call(
        "many",
        "make -j inside",
        "printf 'all: a b c d\\na b c d:\\n\\t@echo $@; sleep 0.1; test $@ != c\\n' > Makefile;"
        " $X/make -k -j4 2>&1 | sort; echo ${PIPESTATUS[0]}",
    ),
    Call(
        "many",
        "pytest -n 4",
        f'echo "{_TESTS}" > test_it.py; $X/python3 -m pytest -n 4 -q -p no:cacheprovider --no-header > out; echo $?;'
        " tail -n 2 out | sed 's/ in [0-9.]*s.*//'",
    ),
    Call(
        "many",
        "timeout(1) inside",
        "$X/timeout -s TERM 0.2 sleep 99; echo $?; $X/timeout -k 0.1 0.1 sh -c 'trap \"\" TERM; sleep 9'; echo $?;"
        " $X/timeout 9 sh -c 'exit 7'; echo $?",
    ),
    Call("signals", "nohup inside", "$X/nohup sh -c 'kill -HUP $$; echo alive' 2>/dev/null"),
    Call("many", "setsid inside", "$X/setsid -w sh -c 'echo in; exit 4'; echo $?"),
    Call("many", "setsid", "setsid -w $X/sh -c 'echo in; exit 4'; echo $?"),
    Call(
        "many",
        "background and wait",
        'for i in 1 2 3 4 5 6 7 8; do $X/sh -c "exit $i" & p+=($!); done; for q in ${p[@]}; do wait $q; echo $?; done',
    ),
)


def observe(call: Call, directory: str, here: Path) -> str:
    """What the call showed: output, errors and status. `here`, its working directory, is made."""
    here.mkdir()
    variables = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(here), "X": directory, "CODE": _FORWARD}
    done = subprocess.run(
        ["/bin/bash", "-c", call.command], cwd=here, env=variables, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=TIMEOUT_S, check=False, start_new_session=True,
    )  # fmt: skip
    text = (done.stdout + done.stderr).decode("utf-8", "backslashreplace")
    text = re.sub(r"(line \d+: +)\d+ ", r"\1PID ", text.replace(str(here), "HERE"))
    # A program that is named by its path gets its path in the container in argv[0].
    text = text.replace(f"{directory}/", "BIN/").replace("/usr/bin/", "BIN/")
    return f"{text}status {done.returncode}\n"
