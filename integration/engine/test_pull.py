from __future__ import annotations

import os
import platform
import socket
import tarfile
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cleanenv.engine.base_image import resolve
from cleanenv.errors import ImageNotFoundError
from integration.engine.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cleanenv.engine.port import Engine


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    yield registry
    registry.close()


@pytest.fixture
def pulled(engine: Engine) -> Iterator[list[str]]:
    """References to be removed after the test."""
    references: list[str] = []
    yield references
    for reference in references:
        if image := engine.image(reference):
            engine.remove_image(image.id)


def _layer(directory: Path, name: str, size: int) -> Path:
    path = directory / f"{name}.tar"
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = size
        # Bytes that do not compress: the sizes on the way are those of the packed layer.
        tar.addfile(info, BytesIO(os.urandom(size)))
    return path


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the test's image is one for amd64")
def test_image_is_pulled_with_the_bytes_of_all_layers_as_progress(
    engine: Engine, registry: Registry, pulled: list[str], tmp_path: Path
) -> None:
    layers = [_layer(tmp_path, "one", 3_000_000), _layer(tmp_path, "two", 5_000_000)]
    reference = registry.add("cleanenv/test", "1", *layers)
    pulled.append(reference)
    reports: list[tuple[str, int, int | None]] = []

    image = engine.pull(reference, lambda *report: reports.append(report))

    assert image.tags == (reference,)
    assert image.environment == ("A=pulled",)
    assert engine.image(reference) == image
    assert all(text.endswith(reference) for text, _, _ in reports)
    downloads = [done for text, done, _ in reports if text.startswith("pulling")]
    assert downloads == sorted(downloads)
    totals = {total for _, _, total in reports if total}
    assert 8_000_000 < max(totals) < 8_100_000
    assert reports[-1][1] == reports[-1][2]


def test_tag_that_the_registry_does_not_have_is_said_to_be_unknown(engine: Engine, registry: Registry) -> None:
    with pytest.raises(ImageNotFoundError, match="its registry does not have it") as caught:
        engine.pull(f"{registry.address}/cleanenv/test:none", lambda *_: None)
    assert f"image {registry.address}/cleanenv/test:none" == caught.value.what
    assert caught.value.hint == "to see the images of this machine: docker images"


def test_registry_that_nobody_runs_is_said_to_be_out_of_reach(engine: Engine) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        reference = f"127.0.0.1:{unused.getsockname()[1]}/a/b:1"
        with pytest.raises(ImageNotFoundError, match=r"cannot be reached \(.*connection refused\)"):
            engine.pull(reference, lambda *_: None)


def test_registry_that_is_silent_is_given_up_in_time(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reference = f"127.0.0.1:{silent.getsockname()[1]}/a/b:1"
        began = time.monotonic()
        with pytest.raises(ImageNotFoundError, match=r"cannot be reached \(no answer within 0.5 s\)"):
            engine.pull(reference, lambda *_: None, patience_s=0.5)
        assert time.monotonic() - began < 5
    # The engine notices that the registry is gone, and with it ends the thread that still listens to it.
    for thread in threading.enumerate():
        if thread.name == "pull":
            thread.join(timeout=60)
            assert not thread.is_alive()


def test_interrupt_from_the_keyboard_ends_a_pull(
    engine: Engine, registry: Registry, pulled: list[str], tmp_path: Path
) -> None:
    reference = registry.add("cleanenv/interrupted", "1", _layer(tmp_path, "one", 1_000_000))
    pulled.append(reference)

    def interrupt(_text: str, _done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.pull(reference, interrupt)


def test_name_that_is_no_image_name_is_refused(engine: Engine) -> None:
    for ask in (engine.image, lambda name: engine.pull(name, lambda *_: None)):
        with pytest.raises(ImageNotFoundError, match="Not A Name"):
            ask("Not A Name")


def test_named_base_image_is_taken_from_this_machine_or_else_pulled(
    engine: Engine, registry: Registry, pulled: list[str], tmp_path: Path
) -> None:
    reference = registry.add("cleanenv/base", "1", _layer(tmp_path, "one", 1_000))
    pulled.append(reference)
    first = resolve(engine, reference, {}, tmp_path, lambda *_: None, environ={})
    registry.close()
    second = resolve(engine, reference, {}, tmp_path, lambda *_: None, environ={})
    assert first == second


def test_interrupt_from_the_keyboard_ends_an_import_and_leaves_no_image(
    engine: Engine, session_name: str, tmp_path: Path
) -> None:
    tar = _layer(tmp_path, "big", 4_000_000)

    def interrupt(_text: str, _done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    tag = f"localhost/{session_name}/interrupted:1"
    with pytest.raises(KeyboardInterrupt):
        engine.import_image(str(tar), tag, interrupt)
    assert engine.image(tag) is None


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the test's image is one for amd64")
def test_image_is_found_and_pulled_again_by_its_digest(
    engine: Engine, registry: Registry, pulled: list[str], tmp_path: Path
) -> None:
    reference = registry.add("cleanenv/locked", "1", _layer(tmp_path, "one", 1000))
    image = engine.pull(reference, lambda *_: None)
    (digest,) = image.digests
    pulled.append(digest)
    assert digest.startswith(f"{registry.address}/cleanenv/locked@sha256:")
    assert engine.image(digest) == image
    engine.remove_image(image.id)
    assert engine.image(digest) is None

    again = engine.pull(digest, lambda *_: None)

    assert (again.id, again.digests) == (image.id, (digest,))
