"""In CI a skipped test fails the run; elsewhere it does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

POLICY = Path(__file__).parents[2] / "conftest.py"

SKIPS = {
    "by_mark": "import pytest\n@pytest.mark.skip(reason='no moon')\ndef test_a(): pass\n",
    "by_call": "import pytest\ndef test_a(): pytest.skip('no moon')\n",
    "by_module": "import pytest\npytest.skip('no moon', allow_module_level=True)\n",
    "by_import": "import pytest\npytest.importorskip('no_moon', reason='no moon')\n",
    "by_fixture": "import pytest\n@pytest.fixture\ndef a(): pytest.skip('no moon')\ndef test_a(a): pass\n",
}
PASSES = "def test_b(): pass\n"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False\n"


def _run_pytest(directory: Path, test_file: str, *, ci: str | None) -> tuple[int, str]:
    shutil.copy(POLICY, directory)
    (directory / "test_skips.py").write_text(test_file)
    (directory / "test_passes.py").write_text(PASSES)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if ci is not None:
        environment["CI"] = ci
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(directory), "."],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return run.returncode, run.stdout


@pytest.mark.parametrize("test_file", SKIPS.values(), ids=SKIPS.keys())
def test_a_skip_fails_the_run_in_ci_and_is_listed(tmp_path: Path, test_file: str) -> None:
    status, output = _run_pytest(tmp_path, test_file, ci="true")
    assert status == 1
    assert "skipped tests fail the run" in output
    assert "no moon" in output


@pytest.mark.parametrize("ci", [None, "", "false"])
def test_a_skip_is_no_failure_outside_ci(tmp_path: Path, ci: str | None) -> None:
    status, output = _run_pytest(tmp_path, SKIPS["by_mark"], ci=ci)
    assert status == 0
    assert "skipped tests fail the run" not in output


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    status, _ = _run_pytest(tmp_path, EXPECTED_FAILURE, ci="true")
    assert status == 0
