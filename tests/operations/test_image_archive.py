"""Archives of images are read whole or refused in one line, and go on under other names only."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cleanenv.errors import UsageError
from cleanenv.image_archive import ImageArchive, NamedImage
from cleanenv.model.container import Image
from cleanenv.operations.snapshots.unpack import open_file
from tests.engine import fake_archive
from tests.engine.fake_archive import Stored

LAYERS = tuple("sha256:" + digit * 64 for digit in "123")
FIRST = Image("sha256:" + "a" * 64, (), ("A=1",), (), 1, LAYERS[:2])
SECOND = Image("sha256:" + "b" * 64, ("x:1",), ("A=2",), (), 2, LAYERS)
LABELS = {"cleanenv.id": "0123456789ab", "cleanenv.snapshot": "7", "vendor": "x"}
# A file by its content, or what is no file.
Members = dict[str, bytes | tarfile.TarInfo]


def archive(labels: dict[str, str] | None = None) -> bytes:
    second = {**LABELS, **(labels or {})}
    return fake_archive.dump([(FIRST, Stored({}, LABELS)), (SECOND, Stored({}, second))], ["x:1"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.tar"


def written(members: Members) -> bytes:
    """A tar of these files, or of what is no file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name) if isinstance(content, bytes) else content
            if isinstance(content, bytes):
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_images_go_on_under_other_names_and_labels(path: Path, pack: Callable[[bytes], bytes]) -> None:
    path.write_bytes(pack(archive()))
    with ImageArchive.open(path) as opened:
        assert [each.layers for each in opened.images] == [FIRST.layers, SECOND.layers]
        assert opened.images[0].labels == LABELS
        named = [NamedImage(each, f"new:{number}", {"cleanenv.id": "new"}) for number, each in enumerate(opened.images)]
        again = b"".join(opened.renamed(named, "cleanenv."))
        assert opened.size(opened.images) == sum(map(len, LAYERS))
    with tarfile.open(fileobj=io.BytesIO(again)) as tar:
        names = tar.getnames()
    assert (len([name for name in names if name.startswith("layers/")]), len(set(names))) == (3, len(names))
    loaded = list(fake_archive.load(again))
    assert [(labels, tags) for _, _, labels, tags in loaded] == [
        ({"vendor": "x", "cleanenv.id": "new"}, ("new:0",)),
        ({"vendor": "x", "cleanenv.id": "new"}, ("new:1",)),
    ]
    assert [(image.layers, image.environment) for image, *_ in loaded] == [
        (each.layers, each.environment) for each in (FIRST, SECOND)
    ]


def test_other_members_do_not_go_on(path: Path) -> None:
    evil = json.dumps([{"Config": "x.json", "RepoTags": ["debian:bookworm"], "Layers": []}]).encode()
    with tarfile.open(fileobj=io.BytesIO(archive())) as tar:
        members: Members = {each.name: file.read() for each in tar if (file := tar.extractfile(each))}
    path.write_bytes(written({**members, "./manifest.json": evil, "repositories": b"{}", "../../etc/passwd": b"x"}))
    with ImageArchive.open(path) as opened:
        again = b"".join(opened.renamed([NamedImage(opened.images[0], "new:1", {})], "cleanenv."))
    with tarfile.open(fileobj=io.BytesIO(again)) as tar:
        names = sorted(name for name in tar.getnames() if not name.endswith(".json") or name == "manifest.json")
    assert names == ["layers/0.tar", "layers/1.tar", "manifest.json"]


def test_layers_may_be_links_to_earlier_ones(path: Path) -> None:
    configuration = json.dumps({"config": {}, "rootfs": {"diff_ids": [LAYERS[0]] * 3}}).encode()
    manifest = json.dumps([{"Config": "c.json", "Layers": ["a/l", "b/l", "c/l"]}]).encode()
    members: Members = {"a/l": b"layer", "b/l": link("b/l", "../a/l"), "c/l": link("c/l", "a/l", tarfile.LNKTYPE)}
    path.write_bytes(written({**members, "c.json": configuration, "manifest.json": manifest}))
    with ImageArchive.open(path) as opened:
        assert opened.images[0].members == ("a/l", "a/l", "a/l")


def broken(**changes: object) -> bytes:
    members: Members = {
        "l": b"layer",
        "c.json": json.dumps({"config": {}, "rootfs": {"diff_ids": [LAYERS[0]]}}).encode(),
        "manifest.json": json.dumps([{"Config": "c.json", "Layers": ["l"]}]).encode(),
    }
    for name, content in changes.items():
        key = {"manifest": "manifest.json", "config": "c.json", "layer": "l"}[name]
        if content is None:
            del members[key]
        else:
            assert isinstance(content, (bytes, tarfile.TarInfo))
            members[key] = content
    return written(members)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is no archive"),
        (b"text\n" * 1000, "it is no archive"),
        (gzip.compress(b"text\n" * 1000), "it is no archive"),
        (written({"etc/passwd": b"x"}), "it is no archive of images: it has no manifest.json"),
        (broken(manifest=b"{"), "it is damaged (JSONDecodeError"),
        (broken(manifest=b"[" * 100_000), "it is damaged (RecursionError"),
        (broken(manifest=b"{}"), "it is damaged (TypeError"),
        (broken(manifest=b"[1]"), "it is damaged (TypeError"),
        (broken(manifest=b"[{}]"), "it is damaged (KeyError"),
        (broken(manifest=b'[{"Config": "c.json", "Layers": []}]'), "it is damaged (ValueError"),
        (broken(manifest=b'[{"Config": "c.json", "Layers": [1]}]'), "it is damaged (TypeError"),
        (broken(manifest=b'[{"Config": "/etc/passwd", "Layers": ["l"]}]'), "it is damaged (KeyError"),
        (broken(manifest=b'[{"Config": "c.json", "Layers": "l"}]'), "it is damaged (ValueError"),
        (broken(manifest=b"\xff"), "it is damaged (UnicodeDecodeError"),
        (broken(config=b"[]"), "it is damaged (TypeError"),
        (broken(config=b'{"rootfs": {}}'), "it is damaged (KeyError"),
        (broken(config=None), "it is damaged (KeyError"),
        (broken(layer=None), "it is damaged (KeyError"),
        (broken(layer=link("l", "l")), "it is damaged (ValueError"),
        (broken(layer=link("l", "/etc/passwd")), "it is damaged (KeyError"),
        (broken(layer=link("l", "x", tarfile.DIRTYPE)), "it is damaged (KeyError"),
        (broken(layer=link("l", "x", tarfile.FIFOTYPE)), "it is damaged (KeyError"),
        (broken(), "it has images, but no environment"),
        (archive({"cleanenv.environment": "{"}), "what it says of its environment is damaged"),
        (archive({"cleanenv.environment": '{"version": 2}'}), "cleanenv another version packed it, in version 2"),
    ],
    ids=range(25),
)
def test_what_is_no_frozen_environment_is_one_error(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught, open_file(path):
        pass
    assert str(caught.value).startswith(f"file {path}: {why}")
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_file_that_cannot_be_read_is_one_error(path: Path) -> None:
    with pytest.raises(UsageError, match=f"file {path}: No such file or directory"), open_file(path):
        pass
    path.mkdir()
    with pytest.raises(UsageError, match=f"file {path}: Is a directory"), open_file(path):
        pass


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_file_that_was_cut_anywhere_is_one_error(path: Path, pack: Callable[[bytes], bytes]) -> None:
    # Behind the last member are only zeros.
    whole = archive()[: archive().rindex(b"]") + 1]
    content = pack(whole)
    for length in range(0, len(content) - 1, max(1, len(content) // 100)):
        path.write_bytes(content[:length])
        with pytest.raises(UsageError, match=f"file {path}: "), open_file(path):
            pass


def test_two_environments_are_one_too_many(path: Path) -> None:
    named = Image("sha256:" + "c" * 64, ("x:2",), (), (), 0, LAYERS)
    images = [(each, Stored({}, {"cleanenv.environment": "{}"})) for each in (named, SECOND)]
    path.write_bytes(fake_archive.dump(images, ["x:1", "x:2"]))
    with pytest.raises(UsageError, match="it has several environments"), open_file(path):
        pass
