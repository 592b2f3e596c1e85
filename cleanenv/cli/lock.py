"""`cleanenv lock`, and what `cleanenv create --locked` says at its end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root, warn
from cleanenv.errors import UsageError
from cleanenv.model.lock import Difference, Lock

__all__ = ["lock", "read_locked", "show_differences"]

_FILE = "cleanenv.lock"
_STDOUT = "-"
_DIFFERS = 3


@click.command()
@environment_option
@click.option(
    "-o", "--output", default=_FILE, metavar="FILE", show_default=True, help=f"Where to write it; {_STDOUT}: to stdout."
)
def lock(*, environment: str | None, output: str) -> None:
    """Write down what is in an environment.

    Base image, packages of apt, pip, npm and gem with their versions, links, directories and all other configuration;
    of variables the names alone. `cleanenv create --locked FILE PATH` makes its like.
    """
    from cleanenv.cli.progress import showing_progress
    from cleanenv.files import replace_file
    from cleanenv.lock_file import dump_lock
    from cleanenv.operations.lock.write import lock as write_down

    if not output:
        raise UsageError("option --output", "the path is empty", f"--output {_FILE}")
    with showing_progress() as progress:
        locked = write_down(environment_root(environment), connect=engine_connector(current_host()), progress=progress)
    content = dump_lock(locked.lock)
    if output == _STDOUT:
        click.echo(content, nl=False)
    else:
        replace_file(Path(output).expanduser(), content)
    for each in locked.left_out:
        warn(f"not in the lock file: {each}")
    if locked.lock.variables:
        warn(f"not in the lock file: the values of {', '.join(locked.lock.variables)}; create asks for them by --env")
    counts = Counter(package.manager for package in locked.lock.packages)
    told = ", ".join(f"{count} {manager}" for manager, count in sorted(counts.items())) or "no"
    click.echo(f"locked {told} packages", err=True)


def read_locked(file: str, *, config: str | None, base_image: str | None, frozen: str | None) -> Lock:
    """The lock file of `create --locked`. Raises UsageError also for options that say what it says already."""
    from cleanenv.lock_file import read_lock

    for option, given in (("--config", config), ("--base-image", base_image), ("--from", frozen)):
        if given is not None:
            raise UsageError(f"option {option}", "with --locked the lock file says that", f"leave {option} away")
    return read_lock(Path(file).expanduser())


def show_differences(differences: tuple[Difference, ...]) -> int:
    """Print them to stdout, one a line; the exit status."""
    click.echo("".join(f"{each}\n" for each in differences), nl=False)
    return _DIFFERS if differences else 0
