"""`cleanenv create`."""

from __future__ import annotations

import os
import platform

import click

from cleanenv.cli.context import absolute, current_host, engine_connector
from cleanenv.cli.progress import showing_progress
from cleanenv.errors import UsageError
from cleanenv.model.configuration import Configuration
from cleanenv.model.link import parse_links
from cleanenv.model.mount import parse_directory
from cleanenv.operations.create import create as create_environment

__all__ = ["create"]


@click.command()
@click.argument("path")
@click.option(
    "-b",
    "--base-image",
    metavar="IMAGE",
    help="The image to start from; by default that of the host's system.",
)
@click.option(
    "-d",
    "--directory",
    "directories",
    multiple=True,
    metavar="HOST[:CONTAINER][:rw]",
    help="Mount a directory of the host, read-only unless :rw; with one path at the same place.",
)
@click.option(
    "--link",
    "links",
    multiple=True,
    metavar="[NAME:]PATH",
    help="Serve a program of the container, or all that match a pattern; by default the language tools.",
)
@click.option("--network", default="host", show_default=True, help="The engine's network.")
@click.option("--clear", is_flag=True, help="Destroy an environment that is at PATH already.")
def create(
    *,
    path: str,
    base_image: str | None,
    directories: tuple[str, ...],
    links: tuple[str, ...],
    network: str,
    clear: bool,
) -> None:
    """Create an environment at PATH.

    \b
      cleanenv create --link /usr/bin/python3 --link cc:/usr/bin/gcc -d ~/proj:rw ~/envs/a
    """
    host = current_host()
    if not path:
        raise UsageError("environment", "the path is empty", "cleanenv create PATH")
    if base_image == "":
        raise UsageError("base image", "its name is empty", "leave --base-image away for the one like the host")
    configuration = Configuration(
        base=base_image,
        mounts=tuple(
            parse_directory(text, working_directory=host.working_directory, exists=os.path.exists)
            for text in directories
        ),
        links=parse_links(links) if links else None,
        network=network,
    )
    with showing_progress() as progress:
        environment = create_environment(
            absolute(path),
            configuration,
            host,
            clear=clear,
            connect=engine_connector(host),
            os_release=_os_release(),
            progress=progress,
        )
    click.echo(f"created {environment.paths.root} from {environment.state.image_name}", err=True)


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
