"""What the container sees of its host links: a directory of launchers, and the launch table for the way out.

The launchers are those of the live directory, with another runtime directory in them: that of RuntimePaths.host as the
container has it mounted. The host's agent reads the same table to know what may be started.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from cleanenv.files import replace_file
from cleanenv.launch_table import dump_host_table
from cleanenv.model.container import HOST_DIRECTORY
from cleanenv.model.environment import EnvironmentPaths, RuntimePaths
from cleanenv.model.host_link import HostLink
from cleanenv.model.mount import Mount
from cleanenv.model.profile import Profile
from cleanenv.server.launcher import patch_launcher

__all__ = ["write_host_links"]


def write_host_links(
    environment: EnvironmentPaths,
    runtime: RuntimePaths,
    links: Sequence[HostLink],
    mounts: Iterable[Mount],
    profiles: Iterable[Profile],
) -> None:
    """Bring the directory up to date, in an order in which no name leads nowhere. Raises OSError."""
    directory = runtime.host_directory
    programs = directory / "bin"
    present = set(os.listdir(programs)) if programs.exists() else set()
    if not links and not present:
        return
    programs.mkdir(mode=0o700, exist_ok=True)
    # The table decides: a launcher that is not in it is good for nothing, and one that is in it comes after it.
    replace_file(runtime.host_table, dump_host_table(HOST_DIRECTORY, mounts, links, profiles=profiles), mode=0o600)
    names = {link.name for link in links}
    for name in present - names:
        os.unlink(programs / name)
    if names - present:
        path = str(environment.launcher)
        launcher = patch_launcher(environment.launcher.read_bytes(), HOST_DIRECTORY, path)
        for name in names - present:
            replace_file(programs / name, launcher, mode=0o755)
