"""`cleanenv freeze` and `unfreeze`."""

from __future__ import annotations

import shlex

import click

from cleanenv.cli.context import absolute, current_host, engine_connector, environment_option, environment_root, warn
from cleanenv.cli.quantities import size_text

__all__ = ["freeze", "unfreeze"]

_yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask, also when shells are in the environment.")


@click.command()
@environment_option
@click.option("--name", metavar="IMAGE", help="Make an image of it, with its snapshots beside it, to be pushed.")
@click.option("--output", metavar="FILE", help="Write it with its snapshots to a file, as docker save does.")
@_yes_option
def freeze(*, environment: str | None, name: str | None, output: str | None, yes: bool) -> None:
    """Keep an environment as it is: nothing in it can be written or changed until it is unfrozen.

    What no snapshot has is saved as one first. Programs that run are stopped. Directories that are mounted writable
    stay so. `cleanenv create --from FILE` or IMAGE makes it again, on another machine too.

    \b
      cleanenv freeze --output tools.tar
      cleanenv freeze --name registry.example.org/tools:1
    """
    from cleanenv.cli.confirm import ask_about_shells
    from cleanenv.cli.progress import showing_progress
    from cleanenv.operations.destroy import sessions_in
    from cleanenv.operations.snapshots.freeze import freeze as freeze_environment
    from cleanenv.operations.snapshots.pack import check_image_name, check_output, pack

    host = current_host()
    root = environment_root(environment)
    image = check_image_name(name, "option --name") if name is not None else None
    file = absolute(output) if output is not None else None
    if file is not None:
        check_output(file)
    connect = engine_connector(host)
    if not yes:
        ask_about_shells(f"freeze {root}", sessions_in(root), f"cleanenv freeze --yes -e {shlex.quote(str(root))}")
    with showing_progress() as progress:
        frozen = freeze_environment(root, host, connect=connect, progress=progress, warn=warn)
        if image is not None or file is not None:
            pack(root, name=image, output=file, connect=connect, progress=progress)
    click.echo(f"frozen at snapshot {frozen.snapshot.id} ({frozen.snapshot.name})", err=True)
    if file is not None:
        click.echo(f"wrote {size_text(file.stat().st_size)} to {output}".encode("utf-8", "surrogateescape"), err=True)
    if image is not None:
        push = f"docker push --all-tags {image.rpartition(':')[0]}"
        click.echo(f"made image {image}; to push it with its snapshots: {push}", err=True)


@click.command()
@environment_option
@_yes_option
def unfreeze(*, environment: str | None, yes: bool) -> None:
    """Let a frozen environment be changed again.

    Programs that run are stopped.
    """
    from cleanenv.cli.confirm import ask_about_shells
    from cleanenv.cli.progress import showing_progress
    from cleanenv.operations.destroy import sessions_in
    from cleanenv.operations.snapshots.freeze import unfreeze as unfreeze_environment

    host = current_host()
    root = environment_root(environment)
    if not yes:
        ask_about_shells(f"unfreeze {root}", sessions_in(root), f"cleanenv unfreeze --yes -e {shlex.quote(str(root))}")
    with showing_progress() as progress:
        unfreeze_environment(root, host, connect=engine_connector(host), progress=progress, warn=warn)
