"""The launcher's and the live directory's idea of a pattern are the same."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from cleanenv.model.link import Link
from tests.native.conftest import HostEnvironment

NAMES = st.text(alphabet="ab.-]é1", min_size=1, max_size=6).filter(lambda name: name not in (".", ".."))
PATTERNS = st.text(alphabet="ab.*?[]!-é1", min_size=1, max_size=6).filter(lambda pattern: set(pattern) & set("*?["))


@settings(max_examples=150, deadline=None)
@given(pattern=PATTERNS, name=NAMES)
def test_name_matches_where_the_live_directory_says_so(shared_agent: HostEnvironment, pattern: str, name: str) -> None:
    link = Link(None, f"/nowhere/{pattern}")
    shared_agent.link(link)
    shared_agent.serve(name)
    stderr = subprocess.run([shared_agent.bin / name], capture_output=True, check=False).stderr.decode()
    (shared_agent.bin / name).unlink()
    assert ("is not linked" not in stderr) == (link.path_for(name) is not None), stderr
