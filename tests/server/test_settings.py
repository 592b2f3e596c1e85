"""The settings as a document, and the launcher that they name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cleanenv.errors import CorruptStateError, MountError
from cleanenv.model.link import Link
from cleanenv.model.snapshot_rule import SnapshotRule
from cleanenv.server.launcher import MARKER, PLACEHOLDER_SIZE, patch_launcher
from cleanenv.server.settings import ServedFile, ServerSettings

SETTINGS = ServerSettings(
    environment="/home/me/\udcff env",
    runtime_directory="/run/user/1000/cleanenv/0123456789ab",
    uid=1000,
    gid=100,
    home="/home/me",
    links=(Link("cc", "/usr/bin/gcc"), Link(None, "~/.local/bin/*")),
    files=(ServedFile("activate", bytes(range(256)), 0o644), ServedFile("destroy", "ä".encode())),
    launcher="/usr/lib/cleanenv/launcher",
    python="/usr/bin/python3",
    variables=(("PATH", "/bin"), ("NAME", "a=b\n\udcff")),
    snapshot_rules=(SnapshotRule("pip", "install|\udcff", "pip-{id}", always=True),),
)


def test_settings_survive_the_journey_as_one_line_of_ascii() -> None:
    text = SETTINGS.to_json()

    assert text.isascii()
    assert "\n" not in text
    assert ServerSettings.from_json(text) == SETTINGS
    assert ServerSettings.from_json(text.encode()) == SETTINGS


def test_the_paths_follow_from_the_two_directories() -> None:
    assert (SETTINGS.mount_point, SETTINGS.lock_path, str(SETTINGS.runtime_paths.control_socket)) == (
        "/home/me/\udcff env/bin",
        "/run/user/1000/cleanenv/0123456789ab/server.lock",
        "/run/user/1000/cleanenv/0123456789ab/control.sock",
    )


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", json.dumps({**SETTINGS.to_object(), "version": 2})]
    + [json.dumps({k: v for k, v in SETTINGS.to_object().items() if k != key}) for key in SETTINGS.to_object()]
    + [
        json.dumps({**SETTINGS.to_object(), **wrong})
        for wrong in (
            {"environment": "relative"},
            {"environment": None},
            {"runtime_directory": "x"},
            {"uid": "0"},
            {"uid": True},
            {"links": [["cc"]]},
            {"links": 3},
            {"links": [[1, "/x"]]},
            {"files": [["a", "b", "c"]]},
            {"variables": [["A", 1]]},
            {"snapshot_rules": [["pip", "x", "y"]]},
            {"snapshot_rules": [["pip", "x", "y", 1]]},
        )
    ],
)
def test_any_other_document_is_refused(text: str) -> None:
    with pytest.raises(CorruptStateError):
        ServerSettings.from_json(text)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/env/bin:/usr/bin:/bin", "/usr/bin:/bin"),
        ("/usr/bin:/env/bin/:/bin", "/usr/bin:/bin"),
        ("/usr/bin:/x/..//env/./bin", "/usr/bin"),
        ("/env/bin", ""),
        ("/env/bin2:/env", "/env/bin2:/env"),
    ],
)
def test_the_live_directory_is_taken_out_of_the_servers_path(path: str, expected: str) -> None:
    settings = replace(SETTINGS, environment="/env", variables=(("PATH", path), ("HOME", "/env/bin")))

    assert settings.process_variables() == {"PATH": expected, "HOME": "/env/bin"}


def test_variables_without_path_stay_as_they_are() -> None:
    assert replace(SETTINGS, variables=(("A", "b"),)).process_variables() == {"A": "b"}


BINARY = b"\x7fELF before" + MARKER.ljust(PLACEHOLDER_SIZE, b"\0") + b"after"


@pytest.mark.parametrize("directory", ["/run/x", "/tmp/ä", "/" + "x" * 126])
def test_the_launcher_gets_its_runtime_directory(directory: str) -> None:
    patched = patch_launcher(BINARY, directory, "launcher")

    assert patched == b"\x7fELF before" + directory.encode().ljust(128, b"\0") + b"after"


@pytest.mark.parametrize(
    "binary",
    [
        b"",
        b"\x7fELF",
        BINARY + BINARY,
        BINARY + MARKER,
        MARKER.ljust(127, b"\0"),
        MARKER + b"/run/other".ljust(110, b"\0"),
    ],
)
def test_a_binary_without_exactly_one_empty_placeholder_is_refused(binary: bytes) -> None:
    with pytest.raises(MountError, match="no launcher of this version"):
        patch_launcher(binary, "/run/x", "launcher")


def test_a_runtime_directory_that_does_not_fit_is_refused() -> None:
    with pytest.raises(MountError, match="128 bytes, 127 fit"):
        patch_launcher(BINARY, "/" + "x" * 127, "launcher")
