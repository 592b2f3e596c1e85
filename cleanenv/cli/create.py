"""`cleanenv create`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cleanenv.cli.context import (
    absolute,
    complete_directory,
    current_host,
    defined_variable,
    engine_connector,
    warn,
)
from cleanenv.errors import CorruptStateError, UsageError
from cleanenv.model.configuration import (
    Configuration,
    check_grace,
    check_idle_timeout,
    check_publish,
    check_variable,
    check_variable_pattern,
)
from cleanenv.model.link import parse_links
from cleanenv.model.mount import check_distinct, parse_directory
from cleanenv.model.user import parse_user

if TYPE_CHECKING:
    from cleanenv.operations.snapshots.unpack import FrozenOrigin

__all__ = ["create"]

_CONFIGURATION = ".cleanenv.conf"
_INSIDE = "by the container's shell"


@click.command()
@click.argument("path", required=False, shell_complete=complete_directory)
@click.option(
    "-b",
    "--base-image",
    metavar="IMAGE",
    help="The image to start from; by default that of the host's system.",
)
@click.option(
    "-c",
    "--config",
    metavar="FILE",
    help=f"The configuration file; by default {_CONFIGURATION} in this directory, if there is one.",
)
@click.option(
    "-d",
    "--directory",
    "directories",
    multiple=True,
    metavar="HOST[:CONTAINER][:rw]",
    shell_complete=complete_directory,
    help="Mount a directory of the host, read-only unless :rw; with one path at the same place.",
)
@click.option(
    "--link",
    "--program",
    "links",
    multiple=True,
    metavar="[NAME:]PATH",
    help="Serve a program of the container, or all that match a pattern; by default the language tools.",
)
@click.option(
    "--host-link",
    "host_links",
    multiple=True,
    metavar="NAME[:HOST-PATH]",
    help="Let the container run this program of the host, as you; by default the one in PATH. Read about it first.",
)
@click.option(
    "-u",
    "--user",
    metavar="[system:][ID:]NAME",
    help="Whom programs run as, by default you; a NAME alone is you under that name.",
)
@click.option("--sudo", is_flag=True, help="The user may become root in the container by sudo, without a password.")
@click.option("-p", "--persistent", is_flag=True, help="Keep the container running when nobody uses it.")
@click.option(
    "--idle-timeout",
    metavar="SECONDS",
    help="Stop the container when no program was called for so long and no shell is in the environment; off: never.",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="A variable for programs whose caller does not set it; without a value, the one of now.",
)
@click.option(
    "--deny-env", multiple=True, metavar="NAME", help="Never hand on this variable of callers; NAME may be a pattern."
)
@click.option(
    "--allow-env",
    multiple=True,
    metavar="NAME",
    help="Hand on no variables of callers but these; one named in full is handed on even if it is dropped by default.",
)
@click.option(
    "--grace",
    metavar="SECONDS",
    help="How long programs may take to end, before they are killed: by a stop, or when their launcher was killed;"
    " by default 8.",
)
@click.option("--network", help="The engine's network, by default the host's.")
@click.option(
    "--publish",
    multiple=True,
    metavar="[HOST-IP:]HOST:CONTAINER",
    help="Lead a port of the host to the container's, which then has a network of its own.",
)
@click.option("--on-activate", multiple=True, metavar="LINE", help=f"Run it {_INSIDE} when that starts.")
@click.option("--on-deactivate", multiple=True, metavar="LINE", help=f"Run it {_INSIDE} before that stops.")
@click.option("--on-destroy", multiple=True, metavar="LINE", help=f"Run it {_INSIDE} before that is destroyed.")
@click.option(
    "--locked",
    metavar="FILE",
    help="Make it as this file of `cleanenv lock` says, packages included; exits with 3 where something differs.",
)
@click.option(
    "--from",
    "frozen",
    metavar="FILE|IMAGE",
    help="Make it of an environment that was frozen, with its snapshots; other options are over what it says.",
)
@click.option("--clear", is_flag=True, help="Destroy an environment that is at PATH already.")
@click.option("--generate-config-file", is_flag=True, help="Print a configuration file with these options, no more.")
def create(  # noqa: PLR0913 (one for each option)
    *,
    path: str | None,
    base_image: str | None,
    config: str | None,
    directories: tuple[str, ...],
    links: tuple[str, ...],
    host_links: tuple[str, ...],
    user: str | None,
    sudo: bool,
    persistent: bool,
    idle_timeout: str | None,
    variables: tuple[str, ...],
    deny_env: tuple[str, ...],
    allow_env: tuple[str, ...],
    grace: str | None,
    network: str | None,
    publish: tuple[str, ...],
    on_activate: tuple[str, ...],
    on_deactivate: tuple[str, ...],
    on_destroy: tuple[str, ...],
    locked: str | None,
    frozen: str | None,
    clear: bool,
    generate_config_file: bool,
) -> int:
    """Create an environment at PATH.

    \b
      cleanenv create --link /usr/bin/python3 --link cc:/usr/bin/gcc -d ~/proj:rw ~/envs/a
    """
    from cleanenv.cli.lock import read_locked, show_differences
    from cleanenv.cli.origin import open_origin, warn_of_other_owner
    from cleanenv.cli.progress import showing_progress
    from cleanenv.configuration_file import dump_configuration, read_configuration
    from cleanenv.operations.create import create as create_environment
    from cleanenv.operations.host_links import parse_host_links
    from cleanenv.operations.lock.rebuild import make_rebuild

    host = current_host()
    if base_image == "":
        raise UsageError("base image", "its name is empty", "leave --base-image away for the one like the host")
    if network == "":
        raise UsageError("option --network", "its name is empty", "leave --network away for the host's")
    environment = tuple(defined_variable(text, host.variables) for text in variables)
    for name, _ in environment:
        check_variable(name, "option --env")
    configuration = Configuration(
        base=base_image,
        mounts=tuple(
            parse_directory(text, working_directory=host.working_directory, exists=os.path.exists)
            for text in directories
        ),
        links=parse_links(links) if links else None,
        host_links=parse_host_links(host_links, host),
        network=network,
        publish=tuple(check_publish(text, "option --publish") for text in publish),
        user=parse_user(user, "option --user") if user is not None else None,
        sudo=sudo,
        persistent=persistent,
        idle_timeout=check_idle_timeout(idle_timeout, "option --idle-timeout") if idle_timeout is not None else None,
        grace=check_grace(grace, "option --grace") if grace is not None else None,
        environment=tuple(dict(environment).items()),
        deny_env=tuple(check_variable_pattern(text, "option --deny-env") for text in deny_env),
        allow_env=tuple(check_variable_pattern(text, "option --allow-env") for text in allow_env),
        on_activate=tuple(filter(None, on_activate)),
        on_deactivate=tuple(filter(None, on_deactivate)),
        on_destroy=tuple(filter(None, on_destroy)),
    )
    file = _configuration_file(config, locked or frozen)
    sources: dict[str, str] = {}
    rebuild = None
    if locked is not None:
        lock = read_locked(locked, config=config, base_image=base_image, frozen=frozen)
        sources = _sources(configuration, lock.configuration, f"lock file {locked}")
        configuration = configuration.over(lock.configuration)
        rebuild = make_rebuild(lock, configuration, f"lock file {locked}")
    elif file is not None:
        try:
            said = read_configuration(file)
        except CorruptStateError as error:  # here it is the user's own
            raise UsageError(error.what, error.why, error.hint) from error
        sources = _sources(configuration, said, f"configuration {file}")
        configuration = configuration.over(said)
    check_distinct(configuration.mounts)
    root = None if generate_config_file else _root(path)
    with (
        showing_progress() as progress,
        open_origin(frozen, engine_connector(host), progress) as (connect, origin),
    ):
        configuration, sources = _over_origin(configuration, sources, origin)
        if root is None:
            click.echo(dump_configuration(configuration), nl=False)
            return 0
        created = create_environment(
            root,
            configuration,
            host,
            clear=clear,
            connect=connect,
            os_release=_os_release(),
            sources=sources,
            progress=progress,
            warn=warn,
            rebuild=rebuild,
            origin=origin,
        )
    click.echo(f"created {created.paths.root} from {frozen or created.state.image_name}", err=True)
    warn_of_other_owner(origin, created.state.user.uid)
    return 0 if rebuild is None else show_differences(rebuild.differences)


def _root(path: str | None) -> Path:
    if path is None:
        raise click.MissingParameter(ctx=click.get_current_context(), param_hint="'PATH'", param_type="argument")
    if not path:
        raise UsageError("environment", "the path is empty", "cleanenv create PATH")
    return absolute(path)


def _configuration_file(named: str | None, origin: str | None) -> Path | None:
    """The one that is named; one that lies there is of no concern to what was locked or frozen."""
    if named is not None:
        return Path(named).expanduser()
    if origin is not None:
        return None
    default = Path(_CONFIGURATION)
    return default if default.exists() else None


def _over_origin(
    configuration: Configuration, sources: dict[str, str], origin: FrozenOrigin | None
) -> tuple[Configuration, dict[str, str]]:
    """With what the frozen environment says, where nothing else does."""
    if origin is None:
        return configuration, sources
    if configuration.base is not None:
        hint = "leave --base-image away, and base in the configuration file"
        raise UsageError("option --from", "what was frozen has a base image", hint)
    sources = _sources(configuration, origin.configuration, origin.what) | sources
    configuration = configuration.over(origin.configuration)
    check_distinct(configuration.mounts)
    return configuration, sources


def _sources(typed: Configuration, file: Configuration, what: str) -> dict[str, str]:
    """Where the file decides, for errors that show later: its section, key and value by what the setting is called."""
    found = {
        name: f"{what}, [global] {name} = {value}"
        for name, value in (("network", file.network), ("user", file.user), ("publish", ", ".join(file.publish)))
        if value and not getattr(typed, name)
    }
    links = [link for link in file.links or () if link.name not in {own.name for own in typed.links or ()}]
    return (
        found
        | {f"link {link.name}": f"{what}, [link] {link.name} = {link.path}" for link in links}
        | {f"directory {each.host}": f"{what}, [directory] {each.host} = {each.container}" for each in file.mounts}
    )


def _os_release() -> dict[str, str]:
    import platform

    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
