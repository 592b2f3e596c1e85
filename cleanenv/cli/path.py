"""`cleanenv path`."""

from __future__ import annotations

import os

import click

from cleanenv import mounts
from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root, warn
from cleanenv.errors import UsageError

__all__ = ["path"]


@click.command(context_settings={"allow_interspersed_args": False})
@environment_option
@click.option("--to-container", "direction", flag_value="container", help="Name paths of the host (the default).")
@click.option("--to-host", "direction", flag_value="host", help="Name paths of the container.")
@click.option("--absolute", is_flag=True, help="Also where a relative path means the same on both sides.")
@click.option("--explain", is_flag=True, help="Show what would become of a program's arguments, and why.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH... | PROGRAM [ARGUMENTS]")
def path(
    *, environment: str | None, direction: str | None, absolute: bool, explain: bool, paths: tuple[str, ...]
) -> None:
    """Name paths as the other side sees them, by the mounts; the files need not exist.

    \b
      cleanenv path ~/proj/x.c
      cleanenv path --to-host /r/etc/hosts
      cleanenv path --explain cc -I/usr/include -c ~/proj/x.c
    """
    from cleanenv.environments import open_environment
    from cleanenv.operations.paths import map_paths

    if not explain:
        _refuse_options(paths)
    root = environment_root(environment)
    if not explain:
        host = current_host()
        to_host = direction == "host"
        for name in map_paths(root, paths, host.working_directory, to_host=to_host, absolute=absolute):
            click.echo(name)
        return
    if direction is not None or absolute:
        raise UsageError(
            "option --explain", "it is for the arguments of a program", "cleanenv path --explain PROGRAM …"
        )
    bin_directory = open_environment(root).paths.bin
    if mounts.state(str(bin_directory)) is not mounts.MountState.LIVE:
        from cleanenv.operations import lifecycle

        lifecycle.start(root, current_host(), connect=engine_connector(current_host()), warn=warn)
    program = bin_directory / os.path.basename(paths[0])
    if not program.exists():
        raise UsageError(f"program {paths[0]}", "it is not linked in this environment", f"ls {bin_directory}")
    # The launcher explains itself: what it shows is what it would do.
    os.environ["CLEANENV_TRACE"] = "only"
    os.execv(program, [str(program), *paths[1:]])  # noqa: S606 (a shell is what must not be here)


def _refuse_options(paths: tuple[str, ...]) -> None:
    """Behind the first word all are paths, for --explain has a program's options there; who forgets that is told."""
    context = click.get_current_context()
    options = {name for parameter in context.command.params for name in parameter.opts}
    for name in paths:
        if name in options:
            raise UsageError(f"path {name}", "options come before the paths", f"{context.command_path} {name} …")
