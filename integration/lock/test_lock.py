"""What is in an environment is written down, and its like is made of that, with the real managers and mirrors."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.main_job.caller import ONE_CALLER, Argument, Caller, Environment, Result, error_of, finish
from integration.main_job.images import docker
from integration.main_job.traces import traces
from integration.main_job.variants import changed

# How this machine reaches the indexes, if it is told that.
_WAYS = (
    "REQUESTS_CA_BUNDLE",
    "PIP_INDEX_URL",
    "NODE_EXTRA_CA_CERTS",
    "npm_config_registry",
    "http_proxy",
    "https_proxy",
)

# The index of gems is a directory of the image: nobody has to be asked for it.
_GEMS = r"""
mkdir -p /srv/gems/gems
cd /srv/gems
for version in 1.0 1.1; do
    printf 'Gem::Specification.new { |s| s.name = "greeting"; s.version = "%s"; s.summary = "x"; s.authors = ["x"] }' \
        $version >greeting.gemspec
    gem build greeting.gemspec
    mv greeting-$version.gem gems
done
rm greeting.gemspec
gem generate_index
printf ':sources:\n- file:///srv/gems/\n' >/etc/gemrc
"""


@pytest.fixture
def caller(caller: Caller) -> Caller:
    return caller.with_variables(**{name: os.environ[name] for name in _WAYS if name in os.environ})


@pytest.fixture(scope="module")
def image(managers: str) -> Iterator[str]:
    with changed(managers, _GEMS) as name:
        yield name


def as_root(environment: Environment, script: str) -> None:
    docker("exec", "-u", "root", environment.container, "sh", "-ec", script, timeout_s=120)


def done(result: Result) -> None:
    assert result.returncode == 0, result


def lock(environment: Environment, path: Path) -> Result:
    result = environment.cleanenv("lock", "--output", path)
    done(result)
    return result


def create_locked(caller: Caller, lock: Path, *options: Argument) -> Result:
    """May take longer than a command otherwise has."""
    process = caller.start([caller.executable, "create", "--locked", lock, *options])
    stdout, stderr = process.communicate(timeout=300)
    return Result(process.returncode, os.fsdecode(stdout), os.fsdecode(stderr))


def test_environment_and_what_is_made_of_its_lock_have_the_same_lock(caller: Caller, place: Path, image: str) -> None:
    first = Environment(place / "first", caller)
    caller.mkdir(first.project)
    options: list[Argument] = ["--env", "TOKEN=s3cret", "--link", "/usr/bin/python3", "-d", f"{first.project}:rw"]
    done(caller.cleanenv("create", "-b", image, *options, first.path))
    as_root(first, "apt-get update -q; apt-get remove -qy ed; apt-get install -qy --no-install-recommends hello=2.10-3")
    done(first.cleanenv("link", "/usr/bin/hello"))
    prefix, gems = ([], []) if caller.uid == 0 else (["--prefix", f"{caller.home}/.local"], ["--user-install"])
    done(first.run("inenv", "python3", "-m", "pip", "install", "six==1.15.0", "idna==3.6"))
    done(first.run("inenv", "npm", "install", "--global", *prefix, "is-number@6.0.0"))
    done(first.run("inenv", "gem", "install", "--no-document", *gems, "greeting:1.0", "greeting:1.1"))

    said = lock(first, place / "first.lock").stderr
    content = (place / "first.lock").read_text()
    assert "s3cret" not in content
    assert "not in the lock file: the values of TOKEN" in said
    for line in ("hello = 2.10-3", "idna = 3.6", "six = 1.15.0", "is-number = 6.0.0", "greeting = 1.0, 1.1"):
        assert f"\n{line}\n" in content
    assert "\ned = " not in content

    code, message, hint = error_of(create_locked(caller, place / "first.lock", place / "second"))
    assert (code, hint) == (2, "--env TOKEN=VALUE"), message
    second = Environment(place / "second", caller)
    result = create_locked(caller, place / "first.lock", "--env", "TOKEN=other", second.path)
    assert (result.returncode, result.stdout) == (0, ""), result
    assert second.run("hello").output == "Hello, world!\n"
    assert second.run("python3", "-c", "import six, idna; print(six.__version__)").output == "1.15.0\n"
    assert second.run("inenv", "sh", "-c", "echo $TOKEN").output == "other\n"
    lock(second, place / "second.lock")
    assert (place / "second.lock").read_text() == content


@ONE_CALLER
def test_what_the_mirrors_do_not_have_is_told_exactly(caller: Caller, place: Path, image: str) -> None:
    environment = Environment(place / "first", caller)
    done(caller.cleanenv("create", "-b", image, environment.path))
    lock(environment, place / "first.lock")
    content = (place / "first.lock").read_text()
    wanted = {"hello": "2.10-0", "no-such-package": "1.0"}
    content = content.replace(
        "[deb]\n", "[deb]\n" + "".join(f"{name} = {version}\n" for name, version in wanted.items())
    )
    content = (
        re.sub(r"\[npm\]\n", "[npm]\nis-number = 6.0.99\n", content)
        if "[npm]" in content
        else content.replace("[end]", "[npm]\nis-number = 6.0.99\n[end]")
    )
    content = content.replace("[end]", "[pip3.11]\nidna = 3.6\nsix = 99.0\n[end]")
    caller.write(place / "other.lock", content)

    result = create_locked(caller, place / "other.lock", place / "second")

    assert result.returncode == 3, result
    assert result.stdout.splitlines() == [
        "deb hello: wanted 2.10-0, got 2.10-3: not there any more, the mirrors have 2.10-3",
        "deb no-such-package: wanted 1.0, got none: not there any more",
        "npm is-number: wanted 6.0.99, got none: not there any more",
        "pip3.11 six: wanted 99.0, got none: not there any more",
    ]
    assert (
        Environment(place / "second", caller).run("python3", "-c", "import idna; print(idna.__version__)").output
        == "3.6\n"
    )


@ONE_CALLER
def test_creation_that_is_interrupted_while_packages_come_leaves_nothing(
    caller: Caller, place: Path, image: str
) -> None:
    environment = Environment(place / "first", caller)
    done(caller.cleanenv("create", "-b", image, environment.path))
    lock(environment, place / "first.lock")
    # A mirror that takes the connection and never answers: apt-get waits.
    with socket.create_server(("127.0.0.1", 0)) as mirror:
        port = mirror.getsockname()[1]
        user = caller.with_variables(http_proxy=f"http://127.0.0.1:{port}")
        content = (place / "first.lock").read_text().replace("[deb]\n", "[deb]\nhello = 2.10-3\n")
        caller.write(place / "other.lock", content)
        before = traces(caller, place)
        process = user.start([user.executable, "create", "--locked", place / "other.lock", place / "second"])
        mirror.settimeout(60)
        connection, _ = mirror.accept()
        process.send_signal(signal.SIGINT)
        result = finish(process)
        connection.close()
    assert (result.returncode, result.stderr.strip()) == (130, "cleanenv: interrupted: nothing more is done")
    assert traces(caller, place) == before


@ONE_CALLER
def test_broken_lock_file_makes_nothing(caller: Caller, place: Path, busybox: str) -> None:
    environment = Environment(place / "first", caller)
    done(caller.cleanenv("create", "-b", busybox, "--link", "/bin/sh", environment.path))
    lock(environment, place / "first.lock")
    content = (place / "first.lock").read_text()
    before = traces(caller, place)
    for number, broken in enumerate(
        (
            content[:-20],
            content.replace("[end]", "[deb]\n; rm -rf / = 1\n[end]"),
            content.replace("[end]", "[deb]\n-oDir::Etc=/tmp = 1\n[end]"),
            content.replace("[end]", "[rpm]\nbash = 1\n[end]"),
            content.replace("version = 1", "version = 2"),
        )
    ):
        file = caller.write(place / "broken.lock", broken)
        code, message, _ = error_of(caller.cleanenv("create", "--locked", file, place / "second"))
        assert (code, message.startswith(f"lock file {file}: line ")) == (2, True), (number, message)
        file.unlink()
        assert traces(caller, place) == before


@ONE_CALLER
def test_lock_goes_to_stdout_or_into_the_current_directory(caller: Caller, place: Path, busybox: str) -> None:
    environment = Environment(place / "env", caller)
    done(caller.cleanenv("create", "-b", busybox, "--link", "/bin/sh", environment.path))
    printed = environment.cleanenv("lock", "-o", "-")
    done(printed)
    done(caller.run(caller.executable, "lock", "-e", environment.path, cwd=place))
    assert (place / "cleanenv.lock").read_text() == printed.stdout
    assert error_of(environment.cleanenv("lock", "-o", place / "no/such"))[0] == 1
