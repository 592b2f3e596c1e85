"""Tables of cases like cases.json: reading them, and running each case through the code that users run.

Arguments and variables go through the launcher's objects (launcher_driver.c), paths and arguments of host programs
through the library, as `cleanenv path` does it, and text through the library's filter.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cleanenv.launch_table import dump_launch_table
from cleanenv.model.mount import Mount
from cleanenv.pathmap import PathMap
from cleanenv.profiles import built_in_profiles
from tests.pathmap.fake_files import FakeContainer, FakeHost
from tests.pathmap.text_filter import TextFilter

__all__ = ["DRIVER", "BadTableError", "Case", "launch", "read_table", "run"]

DRIVER = Path(__file__).parents[2] / "native" / "build" / "static" / "launcher-driver"
KINDS = {
    ("arg", "to_container"),
    ("arg", "to_host"),
    ("env", "to_container"),
    ("path", "to_container"),
    ("path", "to_host"),
    ("text", "to_host"),
}


class BadTableError(Exception):
    """The file is no table of cases; the message says where and why."""


@dataclass(frozen=True)
class Case:
    """A path exists iff it is listed, an ancestor of a listed one, a mount's end, or (on the host) cwd."""

    id: str
    mounts: list[list[str]]
    cwd: str
    direction: str
    kind: str
    input: str
    expect: str | None
    why: str = ""
    source: str = ""
    name: str = ""
    prev: str | None = None
    program: str | None = None
    host_exists: list[str] = field(default_factory=list)
    container_exists: list[str] = field(default_factory=list)
    host_symlinks: dict[str, str] = field(default_factory=dict)
    debatable: bool = False

    @property
    def ends(self) -> tuple[Mount, ...]:
        return tuple(Mount(host, container, mode == "rw") for host, container, mode in self.mounts)

    @property
    def host(self) -> FakeHost:
        return FakeHost([*self.host_exists, *(mount.host for mount in self.ends), self.cwd], self.host_symlinks)

    @property
    def container(self) -> FakeContainer:
        return FakeContainer([*self.container_exists, *(mount.container for mount in self.ends)])


def read_table(path: Path) -> list[Case]:
    """The cases of a file. Raises BadTableError for what is none, or says something that a case cannot say."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadTableError(f"{path}: {error}") from error
    if not isinstance(data, list):
        raise BadTableError(f"{path}: a table is a list of cases")
    cases = [_case(item, f"{path}: case {number}") for number, item in enumerate(data, 1)]
    known: set[str] = set()
    for case in cases:
        if case.id in known:
            raise BadTableError(f"{path}: there are two cases {case.id}")
        known.add(case.id)
    return cases


def run(case: Case) -> str | None:
    """What becomes of the case's input: None if there is nothing to pass on."""
    paths = PathMap(case.ends, case.cwd, probe=case.host, container_has=case.container)
    match case.kind, case.direction:
        case "path", "to_container":
            return paths.to_container(case.input).text
        case "path", "to_host":
            return paths.to_host(case.input).text
        case "arg", "to_host":
            return paths.argument_to_host(case.input).text
        case "arg", "to_container":
            before = [case.prev] if case.prev is not None else []
            return launch(case, arguments=[*before, case.input])["argument"][-1]
        case "env", "to_container":
            variables = launch(case, variables=[f"{case.name}={case.input}"])["variable"]
            values = [text.partition("=")[2] for text in variables if text.startswith(f"{case.name}=")]
            return values[-1] if values else None
        case "text", "to_host":
            return os.fsdecode(TextFilter(case.ends, case.cwd).whole([os.fsencode(case.input)]))
        case _:
            raise NotImplementedError(f"{case.kind} {case.direction}")


def launch(
    case: Case, *, arguments: list[str] | None = None, variables: list[str] | None = None
) -> dict[str, list[str]]:
    """What the launcher would hand on (`directory`, `argument`, `variable`), and what it asked for that.

    `lstat` are its questions to the host, `question` its messages to the agent, `exists` the paths in these.
    """
    container, host = case.container, case.host
    words = [
        f"cwd={case.cwd}",
        *(word for link, target in case.host_symlinks.items() for word in (f"link={link}", f"target={target}")),
        *(f"host={os.fsdecode(path)}" for path in host.there),
        *(f"container={os.fsdecode(path)}" for path in container.there),
        *([f"program={case.program}"] if case.program else []),
        *(f"argument={argument}" for argument in arguments or []),
        *(f"variable={variable}" for variable in variables or []),
    ]
    with tempfile.NamedTemporaryFile(prefix="launch-table.") as table:
        table.write(dump_launch_table("/env", "/home/u", case.ends, [], python="/python", profiles=built_in_profiles()))
        table.flush()
        driver = subprocess.run(
            [DRIVER, table.name],
            input=b"".join(os.fsencode(word) + b"\0" for word in words),
            capture_output=True,
            env={},
            timeout=30,
            check=False,
        )
    if driver.returncode != 0 or driver.stderr:
        raise AssertionError(f"{case.id}: the launcher ended with {driver.returncode}: {os.fsdecode(driver.stderr)}")
    keys = ("directory", "argument", "variable", "lstat", "question", "exists")
    result: dict[str, list[str]] = {key: [] for key in keys}
    for word in driver.stdout.split(b"\0")[:-1]:
        key, _, value = os.fsdecode(word).partition("=")
        result[key].append(value)
    return result


def _case(item: object, where: str) -> Case:
    if not isinstance(item, dict):
        raise BadTableError(f"{where}: a case is an object")
    where += f" ({item['id']})" if isinstance(item.get("id"), str) else ""
    for key in item:
        if key not in _CHECKS:
            raise BadTableError(f"{where}: unknown key {key!r}")
    for name, (what, is_right) in _CHECKS.items():
        if name in _NEEDED and name not in item:
            raise BadTableError(f"{where}: {name} is missing")
        if name in item and not is_right(item[name]):
            raise BadTableError(f"{where}: {name} is {what}")
    if (item["kind"], item["direction"]) not in KINDS:
        raise BadTableError(f"{where}: there is no {item['kind']} {item['direction']}")
    if item["kind"] == "env" and not item.get("name"):
        raise BadTableError(f"{where}: a variable needs a name")
    return Case(**item)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value.startswith("/")


def _are_paths(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_path, value))


def _are_mounts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, list) and len(each) == 3 and _are_paths(each[:2]) and each[2] in ("ro", "rw") for each in value
    )


def _are_links(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_path, value)) and all(map(_is_text, value.values()))


_TEXT = ("a text", _is_text)
_TEXT_OR_NULL = ("a text or null", _is_text_or_null)
_PATHS = ("a list of absolute paths", _are_paths)
_CHECKS: dict[str, tuple[str, Callable[[object], bool]]] = {
    "id": _TEXT,
    "source": _TEXT,
    "why": _TEXT,
    "mounts": ("a list of [HOST, CONTAINER, ro or rw]", _are_mounts),
    "cwd": ("an absolute path", _is_path),
    "direction": _TEXT,
    "kind": _TEXT,
    "name": _TEXT,
    "input": _TEXT,
    "expect": _TEXT_OR_NULL,
    "prev": _TEXT_OR_NULL,
    "program": _TEXT_OR_NULL,
    "host_exists": _PATHS,
    "container_exists": _PATHS,
    "host_symlinks": ("an object of absolute paths and their targets", _are_links),
    "debatable": ("true or false", lambda value: isinstance(value, bool)),
}
_NEEDED = {"id", "mounts", "cwd", "direction", "kind", "input", "expect"}
