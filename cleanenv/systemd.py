"""The user's systemd: units of cleanenv in it, and what systemctl is asked for."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cleanenv.errors import ServiceError
from cleanenv.files import replace_file

__all__ = ["UserUnits", "quote", "quote_argument", "starts_at_boot"]

_TIMEOUT_S = 30.0
_LINGER = Path("/var/lib/systemd/linger")  # a file for each user whose manager starts at boot (loginctl(1))


def quote(text: str) -> str:
    """One word of a setting (systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers")."""
    return '"' + "".join(map(_escaped, text)) + '"'


def quote_argument(text: str) -> str:
    """One word of a command line, where variables are expanded too (systemd.service(5), "Command lines")."""
    return quote(text).replace("$", "$$")


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "%":
        return "%%"
    if "\udc80" <= character <= "\udcff":  # a byte that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return f"\\x{ord(character):02x}" if character < " " else character


@dataclass(frozen=True, slots=True)
class UserUnits:
    """The units of one user, in `directory`. `variables` are for systemctl, which finds the user's manager by them."""

    directory: Path
    variables: Mapping[str, str]

    def path(self, name: str) -> Path:
        """The file of a unit."""
        return self.directory / name

    def install(self, name: str, content: str) -> None:
        """Write the unit and enable it: its service is started with the user's manager.

        Raises ServiceError, and nothing is left then.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            replace_file(self.path(name), content.encode("utf-8", "surrogateescape"))
        except OSError as error:
            raise ServiceError(f"unit {self.path(name)}", error.strerror or str(error)) from error
        try:
            self._systemctl("daemon-reload")
            self._systemctl("enable", name)
        except BaseException:
            self.path(name).unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Disable the unit and remove it; none there is no error. What it has started goes on. Raises ServiceError."""
        if not self.path(name).exists():
            return
        self._systemctl("disable", name)
        self.path(name).unlink(missing_ok=True)
        with contextlib.suppress(ServiceError):  # it is read again at the next start in any case
            self._systemctl("daemon-reload")

    def _systemctl(self, *arguments: str) -> None:
        what = f"systemctl --user {' '.join(arguments)}"
        try:
            done = _run(["systemctl", "--user", *arguments], self.variables)
        except FileNotFoundError as error:
            hint = "crontab -e, then: @reboot cleanenv start -e PATH"
            raise ServiceError(what, "this host has no systemd", hint) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ServiceError(what, str(error)) from error
        if done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"it ended with status {done.returncode}"
            own = "log in as this user (not by su or sudo), or: loginctl enable-linger"
            raise ServiceError(what, said, own if "bus" in said else None)


def starts_at_boot(user: str) -> bool:
    """Whether the user's manager starts with the host, not with the first login."""
    return (_LINGER / user).exists()


def _run(command: Sequence[str], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        cwd="/",
        env={**variables, "LC_ALL": "C"},
        timeout=_TIMEOUT_S,
        check=False,
    )
