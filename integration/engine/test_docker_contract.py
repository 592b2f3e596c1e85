from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.engine.conftest import PASSWD
from tests.engine.contract import Bench, EngineContract

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    ) -> Iterator[Bench]:
        imported: list[str] = []
        import_image = engine.import_image

        def import_and_remember(tar: str, tag: str, progress: ProgressReport) -> Image:
            image = import_image(tar, tag, progress)
            imported.append(image.id)
            return image

        monkeypatch.setattr(engine, "import_image", import_and_remember)
        tag = f"localhost/cleanenv-test/{label.rpartition('.')[2]}:1"
        yield Bench(engine, busybox_tar, tag, label, spec, PASSWD)
        for image_id in imported:
            engine.remove_image(image_id)
