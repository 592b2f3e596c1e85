"""The table of cases in cases.json and the project's own in more_cases.json, through the launcher's code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pathmap.cases import Case, launch, read_table, run

TABLE, OWN = Path(__file__).with_name("cases.json"), Path(__file__).with_name("more_cases.json")
CASES = read_table(TABLE)
OWN_CASES = read_table(OWN)
ALL = CASES + OWN_CASES
ROOT = ["/", "/r", "ro"]


@pytest.fixture(scope="module", autouse=True)
def _driver(launcher_driver: Path) -> Path:
    return launcher_driver


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    assert run(case) == case.expect, case.why


def test_the_table_is_complete() -> None:
    assert len(CASES) == 199
    assert {case.kind for case in CASES} == {"arg", "env", "path", "text"}


def _run(table: Path) -> tuple[int, list[str], str]:
    result = subprocess.run(
        [sys.executable, "-m", "tests.pathmap", table],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    return result.returncode, result.stdout.splitlines(), result.stderr


def _case(**changes: object) -> dict[str, object]:
    case = {"id": "x", "mounts": [ROOT], "cwd": "/home/u", "direction": "to_container", "kind": "arg"}
    return {**case, "input": "/home/u/x", "expect": "/r/home/u/x", **changes}


def test_any_table_can_be_run(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    table.write_text(json.dumps([_case(), _case(id="y", program="echo")]))
    assert _run(table) == (1, ["y: '/home/u/x' gives '/home/u/x', expected '/r/home/u/x' ()", "1 passed, 1 failed"], "")
    table.write_text(json.dumps([_case()]))
    assert _run(table) == (0, ["1 passed, 0 failed"], "")
    table.write_text("[]")
    assert _run(table) == (0, ["0 passed, 0 failed"], "")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "Expecting property name"),
        ("{}", "a table is a list of cases"),
        ("[1]", "case 1: a case is an object"),
        (json.dumps([_case(kind="argument")]), "case 1 (x): there is no argument to_container"),
        (json.dumps([_case(), _case()]), "there are two cases x"),
        (json.dumps([_case(mount=[])]), "unknown key 'mount'"),
        (json.dumps([_case(mounts=[["/", "/r"]])]), "mounts is a list of [HOST, CONTAINER, ro or rw]"),
        (json.dumps([_case(mounts=[["/", "/r", "wr"]])]), "mounts is a list of [HOST, CONTAINER, ro or rw]"),
        (json.dumps([_case(host_exists="/home")]), "host_exists is a list of absolute paths"),
        (json.dumps([_case(host_symlinks=["/a"])]), "host_symlinks is an object of absolute paths"),
        (json.dumps([_case(expect=1)]), "expect is a text or null"),
        (json.dumps([_case(cwd="home")]), "cwd is an absolute path"),
        (json.dumps([_case(kind="env")]), "a variable needs a name"),
        (json.dumps([{"id": "x"}]), "mounts is missing"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str, why: str) -> None:
    table = tmp_path / "table.json"
    table.write_text(content)
    code, lines, error = _run(table)
    assert (code, lines) == (2, [])
    assert error.startswith(f"pathmap-cases: {table}")
    assert why in error


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert _run(tmp_path / "none")[0] == 2


def test_a_path_is_looked_at_once_a_call_and_the_container_is_asked_once() -> None:
    case = Case(
        *("x", [ROOT], "/home/u", "to_container", "arg", "", ""),
        host_exists=["/usr/a", "/usr/b", "/home/u/x"],
        container_exists=["/usr/a"],
    )
    result = launch(
        case,
        arguments=["/usr/a", "/usr/b", "x", "", "/home/u/x", "-I/usr/a", "/home//u/./x:/usr/b", "/home/u/new", "/api"],
        variables=["PYTHONPATH=/usr/b:/usr/a", "HOME=/home/u"],
    )
    assert result["directory"] == ["/r/home/u"]
    assert result["argument"] == [
        *("/usr/a", "/r/usr/b", "x", "", "/r/home/u/x", "-I/usr/a", "/r/home//u/./x:/r/usr/b", "/r/home/u/new", "/api")
    ]
    assert result["variable"] == ["PYTHONPATH=/r/usr/b:/usr/a", "PWD=/r/home/u"]
    assert sorted(result["lstat"]) == sorted(set(result["lstat"]))
    assert (result["question"], sorted(result["exists"])) == ([""], ["/usr/a", "/usr/b"])


def test_nothing_is_asked_of_a_container_without_need() -> None:
    case = Case("x", [ROOT], "/home/u", "to_container", "arg", "", "", host_exists=["/usr/a", "/etc/x", "/home/u/x"])
    result = launch(case, arguments=["/home/u/x", "/etc/x", "/usr/none", "/dev/null", "x", "/r/usr/a", "//usr/a"])
    assert (result["question"], result["exists"]) == ([], [])


def test_a_link_is_read_once_a_call() -> None:
    case = Case(
        *("x", [ROOT], "/home/u", "to_container", "arg", "", ""),
        host_exists=["/data/a", "/data/b"],
        host_symlinks={"/home/u/l": "/data"},
    )
    result = launch(case, arguments=["/home/u/l/a", "/home/u/l/b", "/home/u/l"])
    assert result["argument"] == ["/r/data/a", "/r/data/b", "/r/data"]
    assert sorted(result["lstat"]) == ["/data", "/data/a", "/data/b", "/home", "/home/u", "/home/u/l"]
