"""`cleanenv snapshot`."""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING

import click

from cleanenv.cli.context import current_host, engine_connector, environment_option, environment_root, warn
from cleanenv.cli.quantities import size_text
from cleanenv.cli.snapshot_argument import complete_snapshot, read_history, read_state
from cleanenv.cli.snapshot_diff import diff
from cleanenv.cli.snapshot_rules import configure
from cleanenv.errors import UsageError

if TYPE_CHECKING:
    from cleanenv.operations.snapshots.edit import Removed
    from cleanenv.operations.snapshots.restore import Choice
    from cleanenv.operations.snapshots.take import Taken

__all__ = ["snapshot"]


class _Snapshots(click.Group):
    """A word that is no command is a snapshot to restore."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            args = ["restore", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Snapshots)
def snapshot() -> None:
    """Keep states of an environment and go back to them.

    The history is a tree: a change after going back begins a branch. What no snapshot has is saved before going
    anywhere. `cleanenv snapshot ID` or NAME is short for restore.

    \b
      cleanenv snapshot create before-upgrade
      cleanenv snapshot list
      cleanenv snapshot back
    """


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask, also when shells are in the environment.")
discard_option = click.option("--discard", is_flag=True, help="Drop the changes that no snapshot has.")


@snapshot.command()
@environment_option
@click.argument("name", required=False)
def create(*, environment: str | None, name: str | None) -> None:
    """Take a snapshot of the container as it is.

    Programs are paused while it is taken, and go on. Mounted directories and volumes are not part of it.
    NAME may hold {id} and {date}.
    """
    from cleanenv.cli.progress import showing_progress
    from cleanenv.operations.snapshots.take import Request, take

    host = current_host()
    if name == "":
        raise UsageError("snapshot", "its name is empty", "leave it away for one that is made up")
    with showing_progress() as progress:
        taken = take(
            environment_root(environment),
            Request(name or ""),
            host,
            connect=engine_connector(host),
            progress=progress,
        )
    if taken is not None:
        click.echo(_taken_text(taken), err=True)


@snapshot.command(hidden=True)
@environment_option
@click.option("--name", required=True)
@click.option("--program", required=True)
@click.option("--cause", required=True)
def automatic(*, environment: str | None, name: str, program: str, cause: str) -> None:
    """Take one after a run of a program, if that has changed anything: what the environment server asks for."""
    from cleanenv.operations.snapshots.take import Request, take

    host = current_host()
    request = Request(name, program=program, cause=cause, only_if_changed=True)
    taken = take(environment_root(environment), request, host, connect=engine_connector(host), progress=lambda *_: None)
    if taken is not None:
        warn(_taken_text(taken))


@snapshot.command(hidden=True)
@environment_option
def flatten(*, environment: str | None) -> None:
    """Make one layer of the present snapshot's many: what is done in the background."""
    from cleanenv.operations.snapshots.flatten import flatten as flatten_present

    root = environment_root(environment)
    flatten_present(root, connect=engine_connector(current_host()), progress=lambda *_: None)


@snapshot.command("list")
@environment_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(*, environment: str | None, as_json: bool) -> None:
    """Show the history as a tree; a star is where the environment is."""
    from cleanenv.cli.snapshot_tree import tree_lines, tree_object

    state = read_state(environment)
    history = state.history
    if as_json:
        click.echo(json.dumps({**tree_object(history), "frozen": state.frozen}))
        return
    lines = tree_lines(history)
    if history.disk_use:
        lines.append(f"{size_text(history.disk_use)} on disk beside the base image")
    if state.frozen:
        lines.append("frozen: cleanenv unfreeze lets it be changed again")
    click.echo("\n".join(lines).encode("utf-8", "surrogateescape"))


@snapshot.command()
@environment_option
@click.argument("which", metavar="ID|NAME", shell_complete=complete_snapshot)
def show(*, environment: str | None, which: str) -> None:
    """Show one snapshot."""
    history = read_history(environment)
    found = history.find(which)
    children = history.children(found.id)
    parent = None if found.parent is None else history.get(found.parent)
    rows = [
        ("snapshot", f"{found.id} {found.name}" + (" (the environment is here)" * (found.id == history.position))),
        ("taken", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found.created))),
        ("after", found.cause or "create" * (parent is None)),
        ("stands on", f"{parent.id} {parent.name}" if parent else ""),
        ("stood on by", ", ".join(f"{each.id} {each.name}" for each in children)),
        ("added", size_text(history.size(found.id)) if parent else ""),
        ("image", found.image_id),
    ]
    for title, text in rows:
        if text:
            click.echo(f"{title:12} {text}".encode("utf-8", "surrogateescape"))


@snapshot.command("restore")
@environment_option
@discard_option
@yes_option
@click.argument("which", metavar="ID|NAME", shell_complete=complete_snapshot)
def restore_(*, environment: str | None, discard: bool, yes: bool, which: str) -> None:
    """Go to a snapshot; programs that run are stopped."""
    from cleanenv.operations.snapshots.restore import named

    _restore(environment, named(which), which, discard=discard, yes=yes)


@snapshot.command()
@environment_option
@discard_option
@yes_option
@click.argument("steps", metavar="[N]", type=click.IntRange(min=1), default=1)
def back(*, environment: str | None, discard: bool, yes: bool, steps: int) -> None:
    """Go back, by one snapshot or by N.

    Changes that no snapshot has are one step.
    """
    from cleanenv.operations.snapshots import restore

    _restore(environment, restore.back(steps), f"back {steps}", discard=discard, yes=yes)


@snapshot.command()
@environment_option
@discard_option
@yes_option
@click.argument("steps", metavar="[N]", type=click.IntRange(min=1), default=1)
def forward(*, environment: str | None, discard: bool, yes: bool, steps: int) -> None:
    """Go forward again on the line from which you came back."""
    from cleanenv.operations.snapshots import restore

    _restore(environment, restore.forward(steps), f"forward {steps}", discard=discard, yes=yes)


@snapshot.command()
@environment_option
@click.argument("which", metavar="ID|NAME", shell_complete=complete_snapshot)
@click.argument("name")
def rename(*, environment: str | None, which: str, name: str) -> None:
    """Give a snapshot another name."""
    from cleanenv.operations.snapshots import edit

    edit.rename(environment_root(environment), which, name)


@snapshot.command()
@environment_option
@click.option("--cascade", is_flag=True, help="Remove also the snapshots that stand on it.")
@click.argument("which", metavar="ID|NAME...", nargs=-1, required=True, shell_complete=complete_snapshot)
def remove(*, environment: str | None, cascade: bool, which: tuple[str, ...]) -> None:
    """Remove snapshots."""
    from cleanenv.operations.snapshots import edit

    connect = engine_connector(current_host())
    _show_removed(edit.remove(environment_root(environment), which, cascade=cascade, connect=connect, warn=warn))


@snapshot.command()
@environment_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def prune(*, environment: str | None, yes: bool) -> None:
    """Remove the branches that were left.

    What the environment stands on stays, and what `forward` leads to.
    """
    from cleanenv.cli.confirm import ask
    from cleanenv.operations.snapshots import edit

    root = environment_root(environment)
    history = read_history(environment)
    removed = edit.Removed.between(history, history.pruned())
    if removed.snapshots and not yes:
        names = ", ".join(f"{each.id} {each.name}" for each in removed.snapshots)
        hint = f"cleanenv snapshot prune --yes -e {shlex.quote(str(root))}"
        ask(f"prune {root}", f"{names} would be gone", hint)
    _show_removed(edit.prune(root, connect=engine_connector(current_host()), warn=warn))


snapshot.add_command(diff)
snapshot.add_command(configure)


def _restore(environment: str | None, choice: Choice, words: str, *, discard: bool, yes: bool) -> None:
    from cleanenv.cli.confirm import ask_about_shells
    from cleanenv.cli.progress import showing_progress
    from cleanenv.operations.destroy import sessions_in
    from cleanenv.operations.snapshots import restore

    host = current_host()
    root = environment_root(environment)
    if not yes:
        hint = f"cleanenv snapshot {words} --yes -e {shlex.quote(str(root))}"
        ask_about_shells(f"restore {root}", sessions_in(root), hint)
    with showing_progress() as progress:
        restored = restore.restore(
            root, choice, host, discard=discard, connect=engine_connector(host), progress=progress, warn=warn
        )
    if restored.saved is not None:
        click.echo(f"saved as snapshot {restored.saved.id} ({restored.saved.name})", err=True)
    click.echo(f"at snapshot {restored.snapshot.id} ({restored.snapshot.name})", err=True)


def _taken_text(taken: Taken) -> str:
    return f"snapshot {taken.snapshot.id} ({taken.snapshot.name}): {size_text(taken.size)}, {taken.seconds:.1f} s"


def _show_removed(removed: Removed) -> None:
    names = ", ".join(f"{each.id} ({each.name})" for each in removed.snapshots) or "nothing"
    click.echo(f"removed {names}: {size_text(removed.size)} are free", err=True)
