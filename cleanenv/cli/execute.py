"""`cleanenv exec`."""

from __future__ import annotations

import os

import click

from cleanenv import mounts
from cleanenv.cli.context import (
    current_host,
    defined_variable,
    engine_connector,
    environment_option,
    environment_root,
    warn,
)

__all__ = ["execute"]


@click.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@environment_option
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable for this call, as the program gets it; without a value, the one of now.",
)
@click.option(
    "--map-text",
    type=click.Choice(["both", "stderr", "stdout", "off"]),
    help="Where paths in what it writes become the host's.",
)
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def execute(
    *,
    environment: str | None,
    variables: tuple[str, ...],
    map_text: str | None,
    program: str,
    arguments: tuple[str, ...],
) -> None:
    """Run a program of the container in the container's view.

    The working directory is mapped, arguments are not: paths in them are the container's, and so are those in what it
    writes, unless --map-text says otherwise.

    \b
      cleanenv exec -e ~/envs/a -- cat /etc/os-release
    """
    from cleanenv.environments import open_environment

    for text in variables:
        defined_variable(text, os.environ)
    # Without a value it is not on the launcher's command line either, which everybody may read.
    definitions = [text if "=" in text else f"--env={text}" for text in variables]
    root = environment_root(environment)
    bin_directory = open_environment(root).paths.bin
    if mounts.state(str(bin_directory)) is not mounts.MountState.LIVE:
        from cleanenv.operations import lifecycle

        host = current_host()
        lifecycle.start(root, host, connect=engine_connector(host), warn=warn)
    # From here on this process is the launcher: signals and status are the program's.
    options = [] if map_text is None else [f"--map-text={map_text}"]
    words = ["inenv", *options, *definitions, program, *arguments]
    os.execv(bin_directory / "inenv", words)  # noqa: S606 (a shell is what must not be here)
