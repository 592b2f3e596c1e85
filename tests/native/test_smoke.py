from __future__ import annotations
import os, signal, subprocess

def test_all(environment):
    e = environment
    assert e.run("true").returncode == 0
    assert e.run("false").returncode == 1
    r = e.run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (r.returncode, r.stdout, r.stderr) == (7, b"out\n", b"err\n")
    r = e.run("sh", "-c", "kill -9 $$")
    assert r.returncode == -9
    r = e.run("cat", input=b"x" * 300000)
    assert r.stdout == b"x" * 300000
    r = e.run("env")
    print(r.stdout.decode())
    r = e.run("inenv", "printf", "%s|", "a", "", "b c")
    assert r.stdout == b"a||b c|", r
    r = e.run("pwd", cwd="/usr/lib"); assert r.stdout == b"/usr/lib\n"
    r = e.run("nope") if False else None
