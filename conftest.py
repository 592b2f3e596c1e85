"""The policy for every pytest run of this project, in tests/ and in integration/.

On a developer's machine a test may skip itself and say what is missing. In CI (the
variable CI is set) nothing is allowed to be missing: a skipped test fails the run. An
expected failure is no skip; xfail_strict looks after those.
"""

from __future__ import annotations

import os
import signal

import pytest

_skipped: dict[str, str] = {}


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def _note_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _skipped[report.nodeid] = reason.removeprefix("Skipped: ")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note_if_skipped(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    # A whole file skips itself by importorskip or skip(allow_module_level=True).
    _note_if_skipped(report)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _in_ci() and _skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not (_in_ci() and _skipped):
        return
    terminalreporter.section("skipped tests fail the run, because CI is set", red=True)
    for test, reason in sorted(_skipped.items()):
        terminalreporter.line(f"{test}: {reason}", red=True)


def pytest_configure() -> None:
    """Have the usual dispositions of signals: what runs in the background (nohup, `&`) begins with some ignored.

    The programs under test would inherit that, and a shell can never trap what it found ignored.
    """
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
