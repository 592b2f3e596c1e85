"""Programs whose diagnostics an editor reads: a file with an error for each, and the form in which they name it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HEAVY", "LIGHT", "Tool"]


@dataclass(frozen=True, slots=True)
class Tool:
    """`link` is what is linked, `name` its name then. `pattern` finds the name of the file as an editor does.

    `text` is where it writes them, and what is said at linking.
    """

    link: str
    file: str
    content: str
    arguments: tuple[str, ...]
    pattern: str
    text: str = "stderr"

    @property
    def name(self) -> str:
        return self.link.partition(":")[0].rpartition("/")[2]


_C = "int main(void)\n{\n\treturn undeclared;\n}\n"
_GNU = r"^(.+?):\d+:\d+: error: "
_LINE = r"^(.+?):\d+: "

LIGHT = (
    Tool("/usr/bin/gcc", "bad.c", _C, ("-fsyntax-only",), _GNU),
    Tool("/usr/bin/mypy", "typed.py", 'x: int = "a"\n', ("--cache-dir=/dev/null",), r"^(.+?):\d+: error: ", "stdout"),
    Tool(
        "pytest:/usr/bin/pytest-3", "test_bad.py", "def test():\n    assert 1 == 2\n",
        ("-q", "--tb=short", "-p", "no:cacheprovider"), r"^(.+?):\d+: in test$", "stdout",
    ),
    Tool("/usr/bin/python3", "bad.py", "int('a')\n", (), r'^  File "(.+?)", line \d+'),
    Tool("/usr/bin/ruby", "bad.rb", "raise 'an error'\n", (), r"^(.+?):\d+:in "),
    Tool("/usr/bin/perl", "bad.pl", "die 'an error';\n", (), r"^an error at (.+?) line \d+\.$"),
)  # fmt: skip

HEAVY = (
    Tool("/usr/bin/clang", "bad.c", _C, ("-fsyntax-only",), _GNU),
    Tool(
        "/usr/bin/rustc", "bad.rs", 'fn main() {\n    let _x: i32 = "a";\n}\n',
        ("--emit=metadata", "--out-dir=/tmp"), r"^ *--> (.+?):\d+:\d+$",
    ),
    Tool(
        "/usr/bin/tsc", "bad.ts", "const x: number = 'a';\n", ("--noEmit", "--pretty", "false"),
        r"^(.+?)\(\d+,\d+\): error TS", "stdout",
    ),
    Tool(
        "/usr/bin/eslint", "bad.js", "undeclared();\n",
        ("--no-eslintrc", "--no-ignore", "--rule", "no-undef: 2", "--format", "unix"), r"^(.+?):\d+:\d+: ", "stdout",
    ),
    Tool("/usr/bin/javac", "Bad.java", 'class Bad {\n    int x = "a";\n}\n', ("-d", "/tmp"), r"^(.+?):\d+: error: "),
    Tool(
        "/usr/bin/go", "bad.go", "package main\n\nfunc main() {\n\tundeclared()\n}\n", ("build", "-o", "/dev/null"),
        r"^(.+?):\d+:\d+: undefined",
    ),
)  # fmt: skip
