"""The launcher believes nothing that an agent says: the container's root may have replaced it."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cleanenv.model.link import Link
from tests.native.conftest import HostEnvironment
from tests.native.packets import EXITED, STOPPED, header


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[tuple[HostEnvironment, list[bytes]]]:
    """An environment whose agent answers every call with these packets."""
    (tmp_path / "agent").mkdir()
    (tmp_path / "bin").mkdir()
    packets: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        environment = HostEnvironment(tmp_path, tmp_path / "bin", None)  # type: ignore[arg-type] # there is none
        environment.link(Link("true", "/bin/true"))
        listening.bind(environment.socket_path)
        listening.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = listening.accept()[0]
                    with connection:
                        connection.recv(65536)
                        for packet in packets:
                            connection.send(packet)

        server = threading.Thread(target=serve)
        server.start()
        yield environment, packets
        listening.shutdown(socket.SHUT_RDWR)
        server.join()


@pytest.mark.parametrize(
    "packet",
    [
        b"no message",
        header(99),
        header(EXITED),
        *(header(EXITED) + struct.pack("=i", status) for status in (-1, 65, 126, 0x7F, 0x80, 0x10000, 1 << 8 | 9)),
        *(header(STOPPED) + struct.pack("=i", number) for number in (-(2**31), -1, 0, 65, 2**31 - 1)),
    ],
)
def test_what_cannot_be_is_a_failure_of_cleanenvs_own(
    hostile: tuple[HostEnvironment, list[bytes]], packet: bytes
) -> None:
    environment, packets = hostile
    packets.append(packet)
    result = subprocess.run([environment.bin / "true"], capture_output=True, check=False, timeout=30)
    assert result.returncode == 125
    assert result.stderr.startswith(b"cleanenv: true: ")
    assert b"\nhint: " in result.stderr


def test_what_can_be_is_believed(hostile: tuple[HostEnvironment, list[bytes]]) -> None:
    environment, packets = hostile
    packets.append(header(EXITED) + struct.pack("=i", 64))
    assert subprocess.run([environment.bin / "true"], check=False, timeout=30).returncode == -64
