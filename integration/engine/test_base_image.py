"""The base image from the distribution's mirror, as on a machine from where no registry can be reached."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cleanenv.engine.base_image import resolve
from cleanenv.engine.bootstrap import find_tool
from cleanenv.errors import ImageNotFoundError
from integration.engine.conftest import wait_for_end

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cleanenv.engine.port import Engine, ProgressReport
    from cleanenv.model.container import ContainerSpec, Image


@pytest.fixture
def off_the_net(engine: Engine, session_name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine without a registry, whose tags of bootstrapped images are this test's own."""
    imported: list[Image] = []
    image, import_image = engine.image, engine.import_image

    def own(tag: str) -> str:
        return tag.replace("localhost/cleanenv/", f"localhost/{session_name}/")

    def only_own(reference: str) -> Image | None:
        return image(own(reference)) if reference.startswith(("localhost/", "sha256:")) else None

    def import_as_own(tar: str, tag: str, progress: ProgressReport) -> Image:
        imported.append(import_image(tar, own(tag), progress))
        return imported[-1]

    def no_registry(reference: str, _progress: ProgressReport, **_: float) -> Image:
        raise ImageNotFoundError(f"image {reference}", "its registry cannot be reached")

    monkeypatch.setattr(engine, "image", only_own)
    monkeypatch.setattr(engine, "import_image", import_as_own)
    monkeypatch.setattr(engine, "pull", no_registry)
    yield engine
    for each in imported:
        engine.remove_image(each.id)


# The mirror may be far away.
@pytest.mark.timeout(900)
def test_image_like_the_host_is_made_once_and_then_found_by_its_tag_or_made_of_its_tar(
    off_the_net: Engine, spec: ContainerSpec, tmp_path: Path
) -> None:
    os_release = platform.freedesktop_os_release()
    if os_release["ID"] not in {"debian", "ubuntu"} or find_tool(os.environ) is None:
        pytest.skip("this needs Debian or Ubuntu, and mmdebstrap (apt-get install mmdebstrap)")
    said: list[str] = []

    def report(text: str, _done: int, _total: int | None) -> None:
        verb = text.partition(" ")[0]
        if verb not in said:
            said.append(verb)

    cache = tmp_path / "cache"
    made = resolve(off_the_net, None, os_release, cache, report, environ=os.environ)
    assert said == ["making", "importing"]
    tars = [path.name for path in cache.iterdir() if path.suffix != ".lock"]
    assert tars == [f"{os_release['ID']}-{os_release['VERSION_CODENAME']}-{platform.machine()}.tar"]

    said.clear()
    assert resolve(off_the_net, None, os_release, cache, report, environ=os.environ) == made
    assert said == []

    off_the_net.remove_image(made.id)
    again = resolve(off_the_net, None, os_release, cache, report, environ=os.environ)
    assert said == ["importing"]

    assert look_inside(off_the_net, replace(spec, image_id=again.id)) == [
        f"ID={os_release['ID']}",
        f"VERSION_CODENAME={os_release['VERSION_CODENAME']}",
        "root 755",
        "services do not start 101",
        "certificates",
        "python and a compiler",
        "apt reaches its mirror",
    ]


def look_inside(engine: Engine, spec: ContainerSpec) -> list[str]:
    """Say what a user of the image relies on."""
    script = """
        grep -E '^(ID|VERSION_CODENAME)=' /etc/os-release | sort
        stat -c 'root %a' /
        /usr/sbin/policy-rc.d; echo "services do not start $?"
        [ -s /etc/ssl/certs/ca-certificates.crt ] && echo certificates
        python3 -m pip --version >/dev/null && cc --version >/dev/null && echo python and a compiler
        apt-get update -qq && echo apt reaches its mirror
    """
    # The image's own shell, in place of the agent.
    container = engine.create_container(replace(spec, arguments=("sh", "-c", script)))
    engine.start_container(container.id)
    wait_for_end(container.id)
    return engine.logs(container.id, lines=100).splitlines()
