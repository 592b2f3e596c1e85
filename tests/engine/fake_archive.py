"""Archives of images as the fake engine saves and loads them: in the form of `docker save`, with tiny layers."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cleanenv.model.container import Image

__all__ = ["Stored", "dump", "load", "tar_of"]


@dataclass(slots=True)
class Stored:
    """What an image holds beside its value."""

    files: dict[str, bytes] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


def dump(images: Sequence[tuple[Image, Stored]], references: Sequence[str]) -> bytes:
    """The archive; the files of an image are in its configuration."""
    members: dict[str, bytes] = {}
    manifest = []
    for image, stored in images:
        names = []
        for layer in image.layers:
            names.append(f"{layer[7:]}/layer.tar")
            members[names[-1]] = layer.encode()
        configuration = {
            "config": {"Labels": stored.labels, "Env": image.environment},
            "rootfs": {"type": "layers", "diff_ids": image.layers},
            "size": image.size,
            "files": {path: base64.b64encode(content).decode() for path, content in stored.files.items()},
        }
        members[f"{image.id[7:]}.json"] = json.dumps(configuration).encode()
        tags = [tag for tag in image.tags if tag in references]
        manifest.append({"Config": f"{image.id[7:]}.json", "RepoTags": tags or None, "Layers": names})
    return tar_of({**members, "manifest.json": json.dumps(manifest).encode()})


def load(archive: bytes) -> Iterator[tuple[Image, dict[str, bytes], dict[str, str], tuple[str, ...]]]:
    """Each image with its files, labels and tags; its layers are what its configuration says."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {member.name: file.read() for member in tar if (file := tar.extractfile(member))}
    for entry in json.loads(files["manifest.json"]):
        configuration = json.loads(files[entry["Config"]])
        layers = tuple(files[name].decode() for name in entry["Layers"])
        assert layers == tuple(configuration["rootfs"]["diff_ids"])
        config = configuration["config"]
        image = Image("", (), tuple(config["Env"]), (), configuration["size"], layers)
        content = {path: base64.b64decode(text) for path, text in configuration["files"].items()}
        yield image, content, config["Labels"], tuple(entry["RepoTags"] or ())


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """A tar of regular files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in sorted(files.items()):
            info = tarfile.TarInfo(path.lstrip("/"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
