from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from integration.engine.conftest import PASSWD, docker
from tests.engine.contract import Bench, EngineContract

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cleanenv.engine.port import Engine, ProgressReport
    from cleanenv.model.container import ContainerSpec, Image


class TestDockerEngine(EngineContract):
    @pytest.fixture
    def bench(
        self,
        engine: Engine,
        busybox_tar: str,
        label: str,
        spec: ContainerSpec,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ) -> Iterator[Bench]:
        imported: list[str] = []
        import_image = engine.import_image

        def import_and_remember(tar: str, tag: str, progress: ProgressReport) -> Image:
            image = import_image(tar, tag, progress)
            imported.append(image.id)
            return image

        monkeypatch.setattr(engine, "import_image", import_and_remember)
        tag = f"localhost/cleanenv-test/{label.rpartition('.')[2]}:1"

        def write(container_id: str, path: str, content: bytes) -> None:
            _write(tmp_path / "files", container_id, path, content)

        yield Bench(engine, busybox_tar, tag, label, spec, PASSWD, write)
        for container in engine.containers(label):
            engine.remove_container(container.id)
        names = docker("image", "ls", "--quiet", f"{tag.rpartition(':')[0]}").split()
        imported += [found.id for name in names if (found := engine.image(name))]
        for image_id in dict.fromkeys(reversed(imported)):
            engine.remove_image(image_id)


def _write(directory: Path, container_id: str, path: str, content: bytes) -> None:
    """By the docker command, which makes the directories above as it finds them here."""
    file = directory / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    docker("cp", f"{directory}/.", f"{container_id}:/")
    shutil.rmtree(directory)
