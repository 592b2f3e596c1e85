"""`cleanenv snapshot configure`."""

from __future__ import annotations

import click

from cleanenv.cli.context import current_host, environment_option, environment_root
from cleanenv.errors import UsageError
from cleanenv.model.snapshot_rule import DEFAULT_NAME, make_snapshot_rule

__all__ = ["configure"]


@click.command()
@environment_option
@click.argument("program", required=False)
@click.option("--pattern", metavar="REGEX", help="Where this is found in the command line.")
@click.option(
    "--name", default=DEFAULT_NAME, show_default=True, help="Of the snapshot; {id}, {date} and {program} are filled in."
)
@click.option("--always", is_flag=True, help="Also after a run that failed.")
@click.option("--remove", is_flag=True, help="Take none any more; all rules of PROGRAM, or the one with --pattern.")
def configure(
    *, environment: str | None, program: str | None, pattern: str | None, name: str, always: bool, remove: bool
) -> None:
    """Take a snapshot after each run of PROGRAM that matches and has changed something.

    Without PROGRAM, show what is configured. Calls through the environment's bin directory are seen; what is run by a
    shell inside of the container is not.

    \b
      cleanenv snapshot configure pip --pattern 'install|uninstall' --name 'pip-{id}'
    """
    from cleanenv.operations.snapshots.rules import add_rule, remove_rules, rules_of

    root = environment_root(environment)
    if program is None:
        for rule in rules_of(root):
            always_text = "  (always)" if rule.always else ""
            click.echo(f"{rule.program}  {rule.pattern}  {rule.name}{always_text}".encode("utf-8", "surrogateescape"))
    elif remove:
        remove_rules(root, program, pattern, current_host())
    elif pattern is None:
        raise UsageError(f"snapshots after {program}", "--pattern is missing", "--pattern . for every run")
    else:
        rule = make_snapshot_rule(program, pattern, name, f"snapshots after {program}", always=always)
        add_rule(root, rule, current_host())
