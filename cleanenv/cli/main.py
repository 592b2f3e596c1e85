"""The command `cleanenv`."""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

import cleanenv
from cleanenv.errors import CleanenvError

__all__ = ["main"]

# Each command is imported when it is called, and imports what it does only then: `--version` needs none of them, and
# completion no more than the options.
_COMMANDS = {
    "Environments": {
        "create": "cleanenv.cli.create:create",
        "destroy": "cleanenv.cli.lifecycle:destroy",
        "list": "cleanenv.cli.report:list_",
        "status": "cleanenv.cli.report:status",
    },
    "Programs": {
        "exec": "cleanenv.cli.execute:execute",
        "link": "cleanenv.cli.links:link",
        "unlink": "cleanenv.cli.links:unlink",
        "path": "cleanenv.cli.path:path",
    },
    "Container": {
        "start": "cleanenv.cli.lifecycle:start",
        "stop": "cleanenv.cli.lifecycle:stop",
        "reset": "cleanenv.cli.lifecycle:reset",
        "snapshot": "cleanenv.cli.snapshot:snapshot",
        "lock": "cleanenv.cli.lock:lock",
        "freeze": "cleanenv.cli.freeze:freeze",
        "unfreeze": "cleanenv.cli.freeze:unfreeze",
        "mount": "cleanenv.cli.mounting:mount",
        "umount": "cleanenv.cli.mounting:umount",
    },
    "Upkeep": {
        "doctor": "cleanenv.cli.doctor:doctor",
        "logs": "cleanenv.cli.logs:logs",
        "service": "cleanenv.cli.service:service",
    },
}


_END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class _Commands(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        del context
        return [name for group in _COMMANDS.values() for name in group]

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        del context
        for group in _COMMANDS.values():
            if name in group:
                module, _, attribute = group[name].partition(":")
                command = getattr(importlib.import_module(module), attribute)
                return command if isinstance(command, click.Command) else None
        return None

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Names alone: to tell what each of them does, all would have to be imported."""
        names = [CompletionItem(name) for name in self.list_commands(context) if name.startswith(incomplete)]
        return names + click.Command.shell_complete(self, context, incomplete)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        for title, group in _COMMANDS.items():
            rows = []
            for name in group:
                command = self.get_command(context, name)
                if command is not None:
                    rows.append((name, command.get_short_help_str(60)))
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(cleanenv.__version__, prog_name="cleanenv", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where an error comes from.")
def cleanenv_command(*, debug: bool) -> None:
    """Isolated environments in containers whose programs feel local.

    \b
      cleanenv create ~/envs/a
      source ~/envs/a/bin/activate
      deactivate
    """
    del debug


def main() -> NoReturn:
    """Run the command line and end the process: 0 done, 1 failed, 2 wrong usage, 125 agent lost, 130 interrupted."""
    # Only the first words are looked at: `exec` hands the rest to a program.
    debug = sys.argv[1:2] == ["--debug"]
    for number in _END_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a job in the background
            signal.signal(number, _interrupt)
    try:
        result = cleanenv_command.main(prog_name="cleanenv", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        sys.stdout.flush()
    except CleanenvError as error:
        code = _show(error.what, error.why, error.hint, error.exit_code, debug=debug)
    except click.UsageError as error:
        hint = f"{error.ctx.command_path} --help" if error.ctx else "cleanenv --help"
        code = _show("usage", error.format_message().rstrip("."), hint, 2, debug=debug)
    except click.ClickException as error:
        code = _show("failed", error.format_message(), None, error.exit_code, debug=debug)
    except (click.Abort, KeyboardInterrupt):
        code = _show("interrupted", "nothing more is done", None, 130, debug=debug)
    except BrokenPipeError:
        # The reader of a list went away; Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 141
    except OSError as error:
        # The disk is full, a directory is not ours: not worth a message of its own at each place.
        code = _show(error.filename or "system", error.strerror or str(error), None, 1, debug=debug)
    except Exception as error:  # noqa: BLE001 (the last place that can say it in one line)
        why = f"{type(error).__name__}: {error}"
        code = _show("internal error", why, "cleanenv --debug …, and report what it prints", 1, debug=debug)
    sys.exit(code)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    """A request to end is an exception, so that what is half-made is taken away and child processes are ended.

    A further one does not cut that short.
    """
    for each in _END_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _show(what: str, why: str, hint: str | None, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    lines = [f"cleanenv: {what}: {why}", *([f"hint: {hint}"] if hint else [])]
    # A file name may hold line ends and worse.
    lines = [_CONTROL.sub(lambda match: repr(match[0])[1:-1], line) for line in lines]
    click.echo("\n".join(lines).encode("utf-8", "surrogateescape"), err=True)
    return code
