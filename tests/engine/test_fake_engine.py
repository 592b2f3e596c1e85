from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cleanenv.model.container import ContainerSpec
from tests.engine.contract import Bench, EngineContract
from tests.engine.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pathlib import Path


class TestFakeEngine(EngineContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        engine = FakeEngine()
        engine.says_at_start, engine.says_at_end = "ready\n", "ended\n"
        tar = tmp_path / "root.tar"
        tar.write_bytes(b"a tar")
        spec = ContainerSpec(
            name="cleanenv-test",
            image_id=engine.add_image("localhost/cleanenv-test/used:1").id,
            agent="/agent",
            agent_directory="/run/agent",
            host_directory="/run/host",
            arguments=(),
            mounts=(),
            labels=(("cleanenv.test", "1"),),
        )
        passwd = b"root:x:0:0::/root:/bin/sh\n"
        engine.files_of_images["/etc/passwd"] = passwd
        return Bench(engine, str(tar), "localhost/cleanenv-test/made:1", "cleanenv.test", spec, passwd, engine.write)
