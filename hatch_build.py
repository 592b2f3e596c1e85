"""The build hook: builds the native programs and puts them into the wheel.

Hatchling calls it for wheels and editable installs. The sdist carries the sources in
native/ instead, so a wheel made from it builds them on the spot.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

COMPILERS = ("musl-gcc", "cc", "gcc", "clang")


class NativeBuildHook(BuildHookInterface[BuilderConfig]):
    """Runs native/Makefile, which installs into cleanenv/native."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002 (hatchling's signature)
        """Build before hatchling collects the files; name the platform they are for."""
        self._require_tools()
        made = subprocess.run(
            ["make", "--no-print-directory", "-C", os.path.join(self.root, "native"), "all"], check=False
        )
        if made.returncode != 0:
            self._stop("the compiler failed (see above)", "make -C native")
        build_data["pure_python"] = False
        # Any Python 3 will do: the programs do not link it, and ctypes loads the library.
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"

    def _require_tools(self) -> None:
        # CC may be a command with arguments: `ccache gcc`.
        chosen = os.environ.get("CC", "").split()[:1]
        if not any(shutil.which(compiler) for compiler in chosen or COMPILERS):
            self._stop("no C compiler", "apt-get install gcc libc6-dev musl-tools make")
        if not shutil.which("make"):
            self._stop("no make", "apt-get install make")

    def _stop(self, cause: str, hint: str) -> None:
        self.app.abort(f"cleanenv: cannot build the native programs: {cause}\nhint: {hint}")
