"""The shells in which the activation is tested, and how each of them says the same."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cleanenv.activation import quoting

__all__ = ["DIALECTS", "Dialect"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """`before` are the ways in which a variable {0} may be, `prompt_before` those of the prompt.

    `snapshot` prints all that the shell can tell of itself, without what changes with every command. `mine` makes a
    `deactivate` and a `destroy` of another tool's.
    """

    name: str
    script: str
    quote: Callable[[str], str]
    snapshot: str
    before: Mapping[str, str]
    prompt_before: Mapping[str, str]
    options: tuple[str, ...] = ()
    enter: str = "source {0}"
    # A line whose failure does not end the script; it prints "failed" then.
    attempt: str = "{0} || echo failed"
    echo: str = "echo {0}"
    variable: str = '"${0}"'
    mine: str = "deactivate() { echo mine; }; destroy() { echo mine; }"
    knows_its_script: bool = True
    direct_hint: str = "source {0}"
    # Whether it can name a file whose name is no UTF-8.
    takes_any_name: bool = True

    @property
    def executable(self) -> str | None:
        """The shell of the virtual environment or of the system; None where it is not installed."""
        places = [str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]
        return shutil.which(self.name, path=os.pathsep.join(places))

    def entering(self, script: str) -> str:
        """The line that enters the environment of that script."""
        return self.enter.format(self.quote(script))


_SH_BEFORE = {
    "unset": "unset {0}",
    "empty": "unset {0}; {0}=",
    "set": "unset {0}; {0}='a  b\\$(c)%d'",
    "exported": "export {0}='a b'",
}
_SH_PROMPT = {"none": "unset PS1", "text": "PS1='> '"}


def _sh(shell: str, snapshot: str, *options: str, **more: object) -> Dialect:
    return Dialect(
        name=shell,
        script="activate",
        quote=quoting.posix,
        snapshot=snapshot,
        before=_SH_BEFORE,
        prompt_before=_SH_PROMPT,
        options=options,
        enter=". {0}",
        **more,  # type: ignore[arg-type]
    )


def _csh(shell: str) -> Dialect:
    return Dialect(
        name=shell,
        script="activate.csh",
        quote=quoting.csh,
        snapshot="set | grep -avE '^(_|status|owd)\\b'; printenv | sort; alias",
        before={
            "unset": "unsetenv {0}",
            "empty": 'setenv {0} ""',
            "set": "set {0} = 'a  b%d'",
            "exported": "setenv {0} 'a  b\\$(c)%d'",
        },
        prompt_before={"none": "unset prompt", "text": "set prompt = '%m [\\!]> '"},
        options=("-f",),
        attempt="{0}\nif ( $status != 0 ) echo failed",
        mine="alias deactivate 'echo \"mi  ne\" \\!*'; alias destroy 'echo \"mi  ne\" \\!*'",
        knows_its_script=False,
    )


DIALECTS = (
    _sh(
        "bash",
        "{ declare -p; declare -f; alias; set +o; shopt; trap; }"
        " | grep -avE '^declare [-a-zA-Z]+ (_|BASH_.*|LINENO|S?RANDOM|SECONDS|EPOCH.*|FUNCNAME|PIPESTATUS)='",
        "--norc",
        "--noprofile",
    ),
    _sh(
        "dash",
        "{ set; export -p; alias; trap; } | grep -avE '^(_|LINENO|OPTIND)='",
        knows_its_script=False,
        direct_hint=". {0}",
    ),
    _sh(
        "zsh",
        "{ typeset -p; functions; alias; setopt; trap; } | "
        r"grep -avE '^(typeset|export) .*\b(_|LINENO|RANDOM|SECONDS|EPOCH.*|TTYIDLE|pipestatus|status|[?!])='",
        "-f",
    ),
    Dialect(
        name="fish",
        script="activate.fish",
        quote=quoting.fish,
        # The copy of a function tells where it was copied.
        snapshot="set --show | grep -avE '^\\$(status|pipestatus|_|history|last_pid|fish_pid)\\b'; functions --all"
        "; functions --no-details fish_prompt; functions --no-details deactivate; functions --no-details destroy; true",
        before={
            "unset": "set -e {0}",
            "empty": "set -g {0} ''",
            "no element": "set -g {0}",
            "set": "set -g {0} 'a  b' '$(c)%d'",
            "exported": "set -gx {0} 'a b'",
        },
        prompt_before={"default": "true", "text": "function fish_prompt; echo -n '> '; end"},
        options=("--no-config",),
        attempt="{0}; or echo failed",
        mine="function deactivate; echo mine; end; function destroy; echo mine; end",
    ),
    _csh("tcsh"),
    _csh("bsd-csh"),
    Dialect(
        name="nu",
        script="activate.nu",
        quote=quoting.nushell,
        # Its commands are known before a line is run, and deactivate and destroy stay.
        snapshot="print ($env | reject config | transpose name value"
        " | where name not-in [LAST_EXIT_CODE CMD_DURATION_MS OLDPWD]"
        " | each {|it| $it.name + ' '"
        " + (if ($it.value | describe) == closure {do $it.value} else {$it.value | to nuon --serialize})}"
        " | sort | str join (char newline))",
        before={
            "unset": "hide-env -i {0}",
            "empty": "$env.{0} = ''",
            "set": "$env.{0} = {{a: [1 'b  c']}}",
            "exported": "$env.{0} = 'a  b$(c)'",
        },
        prompt_before={
            "none": "hide-env -i PROMPT_COMMAND",
            "text": "$env.PROMPT_COMMAND = 'a '",
            "closure": "$env.PROMPT_COMMAND = {|| 'b '}",
        },
        options=("--no-config-file",),
        enter="use {0} *",
        attempt="try {{ {0} }} catch {{|e| print --stderr $e.msg; print failed }}",
        echo="print {0}",
        variable="$env.{0}",
        mine="",
        direct_hint="use {0} *",
        takes_any_name=False,
    ),
    Dialect(
        name="xonsh",
        script="activate.xsh",
        quote=quoting.xonsh,
        snapshot="for _n, _v in sorted(__xonsh__.env._d.items()):\n"
        "    if _n not in ('_', 'LAST_RETURN_CODE', 'XONSH_MODE') : print(_n, repr(_v))\n"
        "print(sorted(__xonsh__.aliases), [__xonsh__.aliases.get(_n) for _n in ('deactivate', 'destroy')])\n"
        "print(sorted(__xonsh__.ctx), __xonsh__.env['PROMPT_FIELDS'].get('env_name'))",
        before={
            "unset": "if __xonsh__.env.is_manually_set('{0}'): del ${0}",
            "empty": "${0} = ''",
            "set": "${0} = ['a  b', 'c']",
            "exported": "${0} = 'a  b$(c)'",
        },
        prompt_before={"default": "True", "text": "__xonsh__.env['PROMPT_FIELDS']['env_name'] = 'x '"},
        options=("--no-rc",),
        enter="source @({0})",
        attempt="try:\n    {0}\nexcept Exception as _e:\n    print(_e)\n    print('failed')",
        echo="print({0}, flush=True)",
        variable="${0}",
        mine="aliases['deactivate'] = aliases['destroy'] = 'echo mine'",
    ),
)
