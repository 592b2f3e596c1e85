"""A lock file is read as it was written; one that is wrong in any way is told with its line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanenv.errors import UsageError
from cleanenv.lock_file import dump_lock, read_lock
from cleanenv.model.configuration import Configuration
from cleanenv.model.link import Link
from cleanenv.model.lock import Lock
from cleanenv.model.mount import Mount
from cleanenv.model.package import Package, is_package

DIGEST = "sha256:" + "a" * 64
LOCK = Lock(
    image="debian:bookworm",
    digest=f"debian@{DIGEST}",
    configuration=Configuration(
        base="debian:bookworm",
        mounts=(Mount("/home/ann/a b", "/p", writable=True), Mount("/opt", "/opt", writable=False)),
        links=(Link("cc", "/usr/bin/gcc"), Link("x", "/opt/x"), Link(None, "/opt/*"), Link(None, "/a/*")),
        sudo=True,
        on_activate=("redis-server --port 1", "echo $HOME"),
    ),
    variables=("LANG", "TOKEN"),
    packages={
        Package("deb", "curl"): "7.88.1-10+deb12u8",
        Package("deb", "g++"): "4:12.2.0-3",
        Package("gem", "rake"): "13.0.6, 13.1.0",
        Package("npm", "@types/node"): "20.1.0",
        Package("pip3.11", "requests"): "1!2.31.0",
    },
)
TEXT = f"""\
# What is in an environment, by `cleanenv lock`. Its like is made by `cleanenv create --locked FILE PATH`.
[lock]
version = 1
image = debian:bookworm
digest = debian@{DIGEST}
env = LANG, TOKEN
[global]
base = debian:bookworm
sudo = True
on_activate = "redis-server --port 1", "echo $HOME"
[directory]
"/home/ann/a b" = /p:rw
/opt = /opt:ro
[link]
cc = /usr/bin/gcc
x = /opt/x
* = "/opt/*", "/a/*"
[deb]
curl = 7.88.1-10+deb12u8
g++ = 4:12.2.0-3
[gem]
rake = 13.0.6, 13.1.0
[npm]
@types/node = 20.1.0
[pip3.11]
requests = "1!2.31.0"
[end]
"""


def read(directory: Path, content: str | bytes) -> Lock:
    path = directory / "cleanenv.lock"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_lock(path)


def test_lock_is_written_one_item_a_line_and_read_back(tmp_path: Path) -> None:
    assert dump_lock(LOCK).decode() == TEXT
    assert read(tmp_path, TEXT) == LOCK


def test_order_says_nothing_and_values_of_variables_are_not_written() -> None:
    configuration = LOCK.configuration
    assert configuration.links is not None
    other = replace(
        LOCK,
        configuration=replace(
            configuration,
            links=(*reversed(configuration.links[:2]), *configuration.links[2:]),
            mounts=tuple(reversed(configuration.mounts)),
            environment=(("TOKEN", "secret"), ("LANG", "C")),
        ),
        variables=("TOKEN", "LANG"),
        packages=dict(reversed(list(LOCK.packages.items()))),
    )
    assert dump_lock(other) == dump_lock(LOCK)


@given(
    st.dictionaries(
        st.builds(Package, st.sampled_from(["deb", "npm", "gem", "pip3.11"]), st.text("abz019.+-:~_@/", min_size=1)),
        st.text("019.+-:~!ab", min_size=1),
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_package_is_read_as_it_was_written(tmp_path: Path, packages: dict[Package, str]) -> None:
    valid = {each: version for each, version in packages.items() if is_package(each, version)}
    lock = replace(LOCK, packages=valid)
    assert read(tmp_path, dump_lock(lock)) == lock


@pytest.mark.parametrize("length", range(0, len(TEXT) - 6, 7))
def test_file_that_was_cut_short_anywhere_is_told(tmp_path: Path, length: int) -> None:
    cut = TEXT[:length]
    last = max((number for number, line in enumerate(cut.split("\n"), 1) if line.strip()), default=1)
    with pytest.raises(UsageError, match=rf"lock file \S+: line {last}: it ends without \[end\]: it was cut short"):
        read(tmp_path, cut)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("version = 1", "version = 2", "line 3: it is of version 2, this cleanenv reads version 1"),
        ("version = 1", "version = 1, 2", "line 3: it is of version"),
        ("version = 1\n", "", "line 2: it is of version nothing"),
        ("[lock]", "[locked]", "line 1: it is of version nothing"),
        ("image = debian:bookworm", "image = --rm", "line 4: [lock] image: '--rm' names no image"),
        ("image = debian:bookworm\n", "", "line 2: [lock] has no image"),
        (f"debian@{DIGEST}", "sha256:ab", "line 5: [lock] digest: 'sha256:ab' names no image"),
        ("env = LANG, TOKEN", "env = HOME", "line 6: HOME comes from the user of the environment"),
        ("env = LANG, TOKEN", "secret = 1", "line 6: unknown key 'secret' in [lock]"),
        ("[npm]", "[rpm]", "line 23: unknown section [rpm]"),
        ("[npm]", "[pip]", "line 23: unknown section [pip]"),
        ("curl = ", '"; rm -rf /" = ', "line 19: [deb] '; rm -rf /' = '7.88.1-10+deb12u8' is no package"),
        ("curl = ", "-o = ", "line 19: [deb] '-o' = "),
        ("curl = 7.88.1-10+deb12u8", "curl =", "line 19: [deb] 'curl' = '' is no package"),
        ("curl = 7.88.1-10+deb12u8", "curl = 1, 2", "line 19: [deb] 'curl' = '1, 2' is no package"),
        ("curl = 7.88.1-10+deb12u8", "curl = 1-", "line 19: [deb] 'curl' = '1-' is no package"),
        ("curl = 7.88.1-10+deb12u8", "[[curl]]", "line 19: [deb] 'curl' = "),
        ("curl = 7.88.1-10+deb12u8", "<<<<<<< mine", "at line 19."),
        ("curl = ", "curl = 1\ncurl = ", "Duplicate keyword name at line 20."),
        ("# What", "curl = 1\n# What", "line 1: 'curl' is in no section"),
        ("sudo = True", "sudo = perhaps", "[global] sudo"),
        ("cc = /usr/bin/gcc", "cc = gcc", "[link] cc"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, before: str, after: str, said: str) -> None:
    assert before in TEXT
    with pytest.raises(UsageError) as caught:
        read(tmp_path, TEXT.replace(before, after, 1))
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"lock file {tmp_path}/cleanenv.lock")


def test_any_bytes_are_a_lock_or_an_error(tmp_path: Path) -> None:
    for content in (b"", b"\0", b"\xff\xfe[end]", b"[end]", b"[lock]\n[end]\n", b"[[[[\n[end]"):
        with pytest.raises(UsageError):
            read(tmp_path, content)
