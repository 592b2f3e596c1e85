"""Make the root file system of a Debian or Ubuntu as a tar file, from the distribution's mirror.

By mmdebstrap (as root, or as a user in a user namespace) or debootstrap (root only). Interrupted or failed,
nothing of it stays.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from cleanenv.engine.apt_sources import AptSource, default_sources, parse_sources, sources_for
from cleanenv.engine.port import ProgressReport
from cleanenv.errors import EngineError

__all__ = ["bootstrap", "find_tool", "host_sources"]

# What the registries call debian:… is made from the same variant; the smaller one, `apt`, saves 6 MB and lacks
# mount and the time zones. With Python and a C compiler in it an environment is of use at once, as virtualenv's is.
_VARIANT = "minbase"
_INCLUDE = "ca-certificates,python3,python3-pip,python3-venv,gcc,libc6-dev,make"

# A container has no init: packages must not try to start their services when they are installed.
_POLICY = r"""printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"; chmod 0755 "$1/usr/sbin/policy-rc.d" """

# What mmdebstrap says at the beginning of each step, and what that is to the user.
_STEPS = (
    ("I: running apt-get update", "reading the package lists"),
    ("I: downloading packages", "downloading packages"),
    ("I: extracting archives", "unpacking"),
    ("I: installing essential", "installing the essential packages"),
    ("I: installing remaining", "installing the other packages"),
    ("I: cleaning package lists", "cleaning up"),
    ("I: creating tarball", "writing the image"),
)

# Translations of descriptions are a third of the package lists.
_OWN_APT_OPTIONS = ('Acquire::Languages "none";',)

# Options of the host's apt without which its mirror cannot be used, in the image neither.
_APT_OPTIONS = ("Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date")

# What mends a failure, by words of the message.
_REMEDIES = (
    ("newuidmap", "sudo apt-get install uidmap"),
    ("newgidmap", "sudo apt-get install uidmap"),
    ("/etc/subuid", "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"),
    ("Failed to fetch", "to see whether the mirror can be reached: sudo apt-get update"),
    ("Failed getting release file", "to see whether the mirror can be reached: sudo apt-get update"),
    ("does not have a Release file", "name an image: --base-image IMAGE"),
    ("No such script", "name an image: --base-image IMAGE"),
)

_GRACE_S = 30


def find_tool(environ: Mapping[str, str]) -> str | None:
    """The path of mmdebstrap, else of debootstrap, else None."""
    # debootstrap is in /usr/sbin, which is not in every user's PATH.
    path = environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return shutil.which("mmdebstrap", path=path) or shutil.which("debootstrap", path=path)


def host_sources(family: str, suite: str, os_release: Mapping[str, str]) -> tuple[AptSource, ...]:
    """The host's sources for the suite, else the distribution's public ones."""
    etc = Path("/etc/apt")
    files = [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]
    files += sorted((etc / "sources.list.d").glob("*.sources"))
    sources = [source for file in files for source in parse_sources(file.name, _read(str(file)) or "")]
    is_released = bool(os_release.get("VERSION_ID"))
    return sources_for(family, suite, sources, _read) or default_sources(
        family, suite, platform.machine(), is_released=is_released
    )


def bootstrap(
    tool: str,
    name: str,
    sources: Sequence[AptSource],
    target: Path,
    environ: Mapping[str, str],
    progress: ProgressReport,
) -> None:
    """Write the tar of the suite of the first source to `target` (which is replaced at once or not at all).

    `name` is what the image is called in messages and progress; `progress` gets steps. Raises EngineError
    for a failure of the tool, OSError for one of the target.
    """
    # What a killed one left; the caller lets no two make the same target at once.
    for left in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        if os.path.basename(tool) == "mmdebstrap":
            _mmdebstrap(tool, name, sources, partial, environ, progress)
        else:
            _debootstrap(tool, name, sources, partial, environ, progress)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _mmdebstrap(
    tool: str,
    name: str,
    sources: Sequence[AptSource],
    partial: Path,
    environ: Mapping[str, str],
    progress: ProgressReport,
) -> None:
    what = f"make image {name} with mmdebstrap"
    command = [
        tool,
        "--mode=root" if os.geteuid() == 0 else "--mode=unshare",
        f"--variant={_VARIANT}",
        f"--include={_INCLUDE}",
        "--format=tar",
        # The engine makes its own /dev, and a rootless one may not make devices.
        "--skip=output/dev",
        # Nobody needs a container's packages to survive a power cut in the middle of their installation.
        "--dpkgopt=force-unsafe-io",
        *(f"--aptopt={option}" for option in _apt_options(environ)),
        # mmdebstrap has such a policy too, and removes it.
        "--skip=chroot/policy-rc.d",
        f"--essential-hook={_POLICY}",
        sources[0].suite,
        str(partial),
        *(source.line() for source in sources),
    ]
    done = 0
    progress(f"making {name}", done, len(_STEPS))
    with _running(command, what, environ) as lines:
        for line in lines:
            for number, (beginning, meaning) in enumerate(_STEPS):
                if line.startswith(beginning):
                    done = number
                    progress(f"making {name}: {meaning}", done, len(_STEPS))
    progress(f"making {name}", len(_STEPS), len(_STEPS))


def _debootstrap(
    tool: str,
    name: str,
    sources: Sequence[AptSource],
    partial: Path,
    environ: Mapping[str, str],
    progress: ProgressReport,
) -> None:
    what = f"make image {name} with debootstrap"
    if os.geteuid() != 0:
        raise EngineError(what, "it works for root only", "sudo apt-get install mmdebstrap uidmap")
    main = sources[0]
    keyring = [f"--keyring={main.signed_by}"] if main.signed_by else []
    progress(f"making {name}", 0, None)
    with tempfile.TemporaryDirectory(prefix=f"{partial.name}.", dir=partial.parent) as directory:
        # The temporary directory is closed to others; the image's / must not be.
        root = os.path.join(directory, "root")
        os.mkdir(root)
        os.chmod(root, 0o755)  # noqa: S103 - as every / has it, whatever the umask
        # In a mount namespace of its own: what it mounts below the directory is gone when it ends.
        make = [
            "unshare", "--mount", tool, f"--variant={_VARIANT}", f"--include={_INCLUDE}",
            f"--components={','.join(main.components)}", *keyring, main.suite, root, main.uri,
        ]  # fmt: skip
        with _running(make, what, environ) as lines:
            for number, line in enumerate(lines):
                progress(f"making {name}: {line.removeprefix('I: ').lower()}", number, None)
        Path(root, "etc/apt/sources.list").write_text("".join(f"{source.line()}\n" for source in sources))
        options = "".join(f"{option}\n" for option in _apt_options(environ))
        Path(root, "etc/apt/apt.conf.d/99cleanenv").write_text(options)
        subprocess.run(["sh", "-c", _POLICY, "sh", root], check=True, env=dict(environ))
        progress(f"making {name}: writing the image", 0, None)
        exclude = [f"--exclude=./{path}/*" for path in ("dev", "proc", "sys", "tmp", "var/cache/apt/archives")]
        pack = ["tar", "--numeric-owner", "--one-file-system", *exclude, "-C", root, "-cf", str(partial), "."]
        with _running(pack, what, environ) as lines:
            deque(lines, maxlen=0)


@contextlib.contextmanager
def _running(command: Sequence[str], what: str, environ: Mapping[str, str]) -> Iterator[Iterable[str]]:
    """The lines that the command writes. It is ended with the block, and its failure is an EngineError."""
    said: deque[str] = deque(maxlen=200)
    process = subprocess.Popen(
        command,
        env={**environ, "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A group of its own: a Ctrl-C reaches this process, which then lets the command clean up.
        start_new_session=True,
    )

    def lines() -> Iterator[str]:
        assert process.stdout is not None  # noqa: S101 - it is a PIPE
        for line in process.stdout:
            said.append(line.strip())
            yield said[-1]

    try:
        yield lines()
        status = process.wait()
    except BaseException:
        _end(process)
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()
    if status != 0:
        raise _failure(what, status, said)


def _end(process: subprocess.Popen[str]) -> None:
    """End the command's group: politely, so that it removes its files and mounts, then by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_GRACE_S)
            return


def _failure(what: str, status: int, said: Sequence[str]) -> EngineError:
    complaints = [line.removeprefix("E: ") for line in said if line.startswith("E: ")]
    # The first is the cause, the others pass it on.
    why = " ".join((complaints or [line for line in said if line] or [f"exit status {status}"])[0].split())
    hint = next((hint for words, hint in _REMEDIES if words in why), None)
    return EngineError(what, why, hint)


def _apt_options(environ: Mapping[str, str]) -> Iterator[str]:
    """The apt options of the image, among them those of the host that its mirror needs (as in apt.conf)."""
    yield from _OWN_APT_OPTIONS
    if shutil.which("apt-config", path=environ.get("PATH")) is None:
        return
    dump = subprocess.run(
        ["apt-config", "dump"], env=dict(environ), capture_output=True, text=True, check=False, timeout=30
    )
    for line in dump.stdout.splitlines():
        name, _, value = line.partition(" ")
        # Scripts that detect a proxy, and certificates, are files of the host.
        is_file = value.strip('";').startswith("/")
        if name.startswith(_APT_OPTIONS) and value != '"";' and not is_file:
            yield line


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
