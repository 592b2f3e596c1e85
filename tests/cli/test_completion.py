"""What the shells offer after a TAB."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from cleanenv.configuration_file import dump_configuration
from cleanenv.model.configuration import Configuration
from cleanenv.model.history import History
from cleanenv.model.link import Link
from cleanenv.model.state import State, dump_state
from cleanenv.model.user import Group, User
from cleanenv.registry import Registry

SHELLS = ("bash", "fish", "zsh")
_BIN = Path(sys.executable).parent


class Typist:
    """A user with environments who types the beginning of a line and TAB."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.variables = {
            "PATH": f"{_BIN}:/usr/bin:/bin",
            "HOME": str(directory),
            "XDG_STATE_HOME": str(directory / "state"),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
        }

    def environment(self, name: str, *links: Link) -> Path:
        """The files of an environment of this user."""
        root = self.directory / name
        state = State(
            id=f"{len(name):012}",
            path=str(root),
            cleanenv_version="0.2.0",
            created=0,
            owner=0,
            user=User("ann", 1000, "/home/ann", (Group("ann", 1000),)),
            mounts=(),
            image_name="",
            container_id="",
            runtime_directory="/run/x",
            history=History.begin("", 0),
        )
        (root / ".cleanenv").mkdir(parents=True)
        (root / ".cleanenv/state.json").write_text(dump_state(state))
        (root / "cleanenv.conf").write_bytes(dump_configuration(Configuration(links=links)))
        Registry(self.directory / "state/cleanenv").add(state.id, root)
        return root

    def complete(self, shell: str, line: str) -> str:
        """The word that the last one of the line becomes, where only one can be meant."""
        if shell == "zsh":
            return self._zsh(line)
        (word,) = self.offered(shell, line)
        return word

    def offered(self, shell: str, line: str) -> list[str]:
        """The words that bash or fish offer for the last one of the line, sorted."""
        if shell == "fish":
            script = f"_CLEANENV_COMPLETE=fish_source cleanenv | source; complete -C '{line}'"
            found = self._run("fish", "--no-config", "-c", script)
            return sorted(each.partition("\t")[0] for each in found)
        words = [word or "''" for word in line.split(" ")]
        script = (
            'eval "$(_CLEANENV_COMPLETE=bash_source cleanenv)"; complete -p cleanenv >/dev/null; '
            f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; "
            '_cleanenv_completion cleanenv && printf "%s\\n" "${COMPREPLY[@]}"'
        )
        return sorted(self._run("bash", "--norc", "-c", script))

    def _zsh(self, line: str) -> str:
        child = pexpect.spawn(
            "zsh", ["-f", "-i"], env=self.variables, cwd=str(self.directory), encoding="utf-8", dimensions=(24, 200)
        )
        try:
            # What is typed calls a function that shows the words, while the completion runs the program.
            child.sendline(
                'autoload -U compinit; compinit -u -D; eval "$(_CLEANENV_COMPLETE=zsh_source cleanenv)";'
                ' cleanenv() { print -r -- "la""st=${@[-1]}=" }; echo rea""dy'
            )
            child.expect("ready\r?\n", timeout=60)
            child.sendline(f"{line}\t")
            child.expect("last=(.*?)=\r?\n", timeout=60)
            assert isinstance(child.match, re.Match)
            return str(child.match[1])
        finally:
            child.close(force=True)

    def _run(self, *command: str) -> list[str]:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=self.variables, cwd=self.directory, timeout=60
        )
        assert done.stderr == "", done
        return done.stdout.splitlines()


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed: make setup")
    return name


@pytest.fixture
def typist(tmp_path: Path) -> Typist:
    return Typist(tmp_path)


def test_commands_and_options_are_completed(typist: Typist, shell: str) -> None:
    assert typist.complete(shell, "cleanenv unl") == "unlink"
    assert typist.complete(shell, "cleanenv create --gen") == "--generate-config-file"


def test_environments_are_completed_from_the_list_of_them(typist: Typist, shell: str) -> None:
    one, _ = typist.environment("envs/one"), typist.environment("envs/other")
    assert typist.complete(shell, f"cleanenv destroy {typist.directory}/envs/on") == str(one)
    assert typist.complete(shell, f"cleanenv status -e {typist.directory}/envs/on") == str(one)


def test_links_of_the_environment_are_completed(typist: Typist, shell: str) -> None:
    root = typist.environment("env", Link("cc", "/usr/bin/gcc"), Link("make", "/usr/bin/make"))
    assert typist.complete(shell, f"cleanenv unlink -e {root} m") == "make"


def test_all_environments_are_offered_to_choose_from(typist: Typist) -> None:
    roots = [typist.environment("envs/one"), typist.environment("envs/other")]
    assert typist.offered("bash", "cleanenv stop -e ") == [str(root) for root in roots]
    # Bash leaves the tilde to us.
    assert typist.offered("bash", "cleanenv stop -e '~/envs/o'") == ["~/envs/one", "~/envs/other"]


def test_nothing_is_offered_where_nothing_is_known(typist: Typist) -> None:
    broken = typist.environment("broken")
    (broken / ".cleanenv/state.json").write_text("{")
    for line in ("cleanenv unlink ", f"cleanenv unlink -e {broken} ", f"cleanenv unlink -e {broken}/none "):
        assert typist.offered("fish", line) == []
