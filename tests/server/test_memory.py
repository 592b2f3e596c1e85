"""What the server has in memory."""

from __future__ import annotations

import os
import subprocess
import sys

# Each would cost the server megabytes for its whole life, and none of them does anything for it.
FOREIGN = {"click", "configobj", "docker", "psutil", "requests", "rich", "urllib3", "asyncio", "http", "ssl", "email"}


def test_the_server_imports_only_what_it_needs() -> None:
    program = (
        "import sys, cleanenv.server.__main__; from cleanenv_fuse.binding import load_binding\n"
        "try: load_binding()\n"
        "except Exception: pass\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, *sys.modules)"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = {"PYTHONPATH": path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    said = subprocess.run([sys.executable, "-c", program], env=environment, stdout=-1, check=True).stdout

    names = set(said.decode().split())
    assert "cleanenv.server.service" in names
    assert names & FOREIGN == set()
    assert {name for name in names if name.startswith(("cleanenv.engine.", "cleanenv.operations", "cleanenv.cli"))} == {
        "cleanenv.engine.plain_requests"
    }
