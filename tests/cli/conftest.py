"""The command line in this process."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import pytest

from cleanenv.cli import main as cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run the command line in this process; exit code, stdout, stderr."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cleanenv", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        output, errors = capfdbinary.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, os.fsdecode(output), os.fsdecode(errors)

    return run
