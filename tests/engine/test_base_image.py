from __future__ import annotations

import os
import platform
import threading
from pathlib import Path

import pytest

from cleanenv.engine import base_image
from cleanenv.engine.base_image import resolve
from cleanenv.errors import EngineError, EngineUnavailableError, ImageNotFoundError
from cleanenv.model.container import Image
from tests.engine.fake_engine import FakeEngine

DEBIAN = {"ID": "debian", "VERSION_ID": "12", "VERSION_CODENAME": "bookworm"}
FEDORA = {"ID": "fedora", "VERSION_ID": "39"}
MADE = "localhost/cleanenv/debian:bookworm"


class Case:
    """A host of some distribution, its engine, and a mmdebstrap that makes a tar of a few bytes."""

    def __init__(self, directory: Path, engine: FakeEngine) -> None:
        self.engine = engine
        self.cache = directory / "cache" / "images"
        self.tar = self.cache / f"debian-bookworm-{platform.machine()}.tar"
        self.runs = directory / "runs"
        self.said: list[str] = []
        self.environ = {"PATH": f"{directory}/bin:/usr/bin:/bin", "RUNS": str(self.runs)}
        (directory / "bin").mkdir()
        self.tool = directory / "bin" / "mmdebstrap"
        self.tool.write_text(
            '#!/bin/sh\necho run >>"$RUNS"\n'
            'for argument; do case $argument in *.partial) echo a tar >"$argument";; esac; done\n'
        )
        self.tool.chmod(0o755)

    def resolve(self, reference: str | None = None, os_release: dict[str, str] = DEBIAN) -> Image:
        return resolve(
            self.engine, reference, os_release, self.cache, lambda *r: self.said.append(r[0]), environ=self.environ
        )

    @property
    def number_of_runs(self) -> int:
        return len(self.runs.read_text().splitlines()) if self.runs.exists() else 0


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path, FakeEngine())


# Named


def test_named_image_is_the_local_one(case: Case) -> None:
    image = case.engine.add_image("mine:1")
    assert case.resolve("mine:1") == image
    assert case.resolve(image.id) == image
    assert (case.engine.calls, case.said) == ([], [])


def test_named_image_is_pulled_where_it_is_not_here(case: Case) -> None:
    case.engine.registry = {"mine:1": 100}
    assert case.resolve("mine:1").tags == ("mine:1",)
    assert case.engine.calls == ["pull mine:1"]


@pytest.mark.parametrize(
    ("registry", "why"), [(None, "its registry cannot be reached"), ({}, "its registry does not have it")]
)
def test_named_image_that_is_not_to_be_had_is_never_replaced_by_another(
    case: Case, registry: dict[str, int] | None, why: str
) -> None:
    case.engine.registry = registry
    case.engine.add_image("debian:bookworm")
    with pytest.raises(ImageNotFoundError, match=why):
        case.resolve("mine:1")
    assert case.number_of_runs == 0


# The one like the host


@pytest.mark.parametrize("tag", ["debian:bookworm", MADE])
def test_image_like_the_host_is_a_local_one_of_either_name(case: Case, tag: str) -> None:
    image = case.engine.add_image(tag)
    assert case.resolve() == image
    assert (case.engine.calls, case.said) == ([], [])


def test_image_like_the_host_is_pulled(case: Case) -> None:
    case.engine.registry = {"debian:bookworm": 100}
    assert case.resolve().tags == ("debian:bookworm",)
    assert case.number_of_runs == 0


def test_image_like_the_host_is_made_where_no_registry_has_it(case: Case) -> None:
    image = case.resolve()
    assert image.tags == (MADE,)
    assert case.number_of_runs == 1
    assert case.tar.read_text() == "a tar\n"
    assert case.said[0].startswith("making debian:bookworm")
    assert case.said[-1] == f"importing {MADE}"


def test_made_image_is_found_the_second_time_at_once(case: Case) -> None:
    first = case.resolve()
    case.said.clear()
    assert case.resolve() == first
    assert (case.number_of_runs, case.said) == (1, [])


def test_removed_image_is_made_of_the_tar_without_asking_a_registry(case: Case) -> None:
    case.engine.remove_image(case.resolve().id)
    case.engine.calls.clear()
    assert case.resolve().tags == (MADE,)
    assert case.number_of_runs == 1
    assert case.engine.calls == [f"import {MADE}"]


def test_host_without_an_apt_mirror_needs_a_registry(case: Case) -> None:
    with pytest.raises(ImageNotFoundError, match=r"fedora:39.*cannot be reached") as caught:
        case.resolve(os_release=FEDORA)
    assert caught.value.hint == "name another one: --base-image IMAGE"


def test_missing_mmdebstrap_is_named_with_its_package(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "find_tool", lambda _environ: None)
    with pytest.raises(ImageNotFoundError, match=r"cannot be reached; mmdebstrap, .*, is not installed") as caught:
        case.resolve()
    assert caught.value.hint is not None
    assert "apt-get install mmdebstrap" in caught.value.hint


def test_failed_making_leaves_no_tar_and_no_image(case: Case) -> None:
    case.tool.write_text("#!/bin/sh\necho 'E: no space left on device'\nexit 1\n")
    with pytest.raises(EngineError, match="no space left on device"):
        case.resolve()
    assert not case.tar.exists()
    assert case.engine.image(MADE) is None


def test_tar_that_the_engine_does_not_take_can_be_removed_by_the_hint(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Image:
        raise EngineError("import image", "unexpected EOF")

    monkeypatch.setattr(case.engine, "import_image", refuse)
    with pytest.raises(EngineError, match="unexpected EOF") as caught:
        case.resolve()
    assert caught.value.hint == f"rm {case.tar}   # then it is made afresh"


def test_engine_that_is_gone_is_not_blamed_on_the_tar(case: Case) -> None:
    case.engine.is_gone = True
    with pytest.raises(EngineUnavailableError) as caught:
        case.resolve()
    assert caught.value.hint is None


def test_cache_directory_that_cannot_be_made_is_named(case: Case) -> None:
    case.cache.parent.write_text("a file in the way")
    with pytest.raises(EngineError, match=str(case.cache.parent)):
        case.resolve()


def test_two_at_once_make_one_tar(case: Case, tmp_path: Path) -> None:
    # The first waits in its tool until the second has said that it waits.
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    case.tool.write_text(
        f'#!/bin/sh\necho run >>"$RUNS"\nread line <{fifo}\n'
        'for argument; do case $argument in *.partial) echo a tar >"$argument";; esac; done\n'
    )
    second = FakeEngine()
    images: list[Image] = []
    first_has_begun = threading.Event()

    def begin(text: str, _done: int, _total: int | None) -> None:
        if text.startswith("making"):
            first_has_begun.set()

    def make() -> None:
        images.append(resolve(case.engine, None, DEBIAN, case.cache, begin, environ=case.environ))

    def let_the_first_go_on(text: str, _done: int, _total: int | None) -> None:
        if text == "waiting for another cleanenv that makes debian:bookworm":
            fifo.write_text("go\n")

    thread = threading.Thread(target=make)
    thread.start()
    assert first_has_begun.wait(timeout=30)
    images.append(resolve(second, None, DEBIAN, case.cache, let_the_first_go_on, environ=case.environ))
    thread.join()
    assert [image.tags for image in images] == [(MADE,), (MADE,)]
    assert case.number_of_runs == 1
