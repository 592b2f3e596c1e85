"""`make pathmap-cases CASES=FILE`: run a table of cases; a line for each that fails, and one that counts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.pathmap.cases import BadTableError, Case, read_table, run


def main() -> int:
    """0 if all cases passed, 1 if one failed, 2 if the file is no table."""
    parser = argparse.ArgumentParser(prog="python -m tests.pathmap", description=__doc__.partition("\n")[0])
    parser.add_argument("table", type=Path, help="a file like tests/pathmap/cases.json")
    try:
        cases = read_table(parser.parse_args().table)
    except BadTableError as error:
        print(f"pathmap-cases: {error}", file=sys.stderr)
        return 2
    failures = [line for line in map(failure, cases) if line]
    for line in failures:
        print(line)
    print(f"{len(cases) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


def failure(case: Case) -> str | None:
    """What is wrong with the result of a case, in one line; None if nothing is."""
    try:
        result = run(case)
    except (AssertionError, NotImplementedError, ValueError) as error:
        return f"{case.id}: {str(error)!r} ({case.why})"
    if result == case.expect:
        return None
    return f"{case.id}: {case.input!r} gives {result!r}, expected {case.expect!r} ({case.why})"


if __name__ == "__main__":
    sys.exit(main())
