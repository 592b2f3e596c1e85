"""What every engine promises (cleanenv.engine.port) as tests, for the fake and for the real engines.

A class for an engine derives from EngineContract and brings the fixture `bench`.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from cleanenv.errors import EngineError, ImageNotFoundError, UsageError
from cleanenv.model.container import ContainerSpec, Image

if TYPE_CHECKING:
    from cleanenv.engine.port import Engine

__all__ = ["Bench", "EngineContract"]


@dataclass(frozen=True, slots=True)
class Bench:
    """An engine and the material to try it.

    `tar` is a root file system. `spec` is a container of an image of it, whose process writes the line
    "ready", waits for SIGTERM, and writes the line "ended"; `passwd` is that image's /etc/passwd. `tag` and
    `label` are this test's own. `write` puts a file into a container.
    """

    engine: Engine
    tar: str
    tag: str
    label: str
    spec: ContainerSpec
    passwd: bytes
    write: Callable[[str, str, bytes], None]

    def tag_of(self, number: int) -> str:
        """Further tags."""
        return f"{self.tag}.{number}"


def _quiet(_text: str, _done: int, _total: int | None) -> None:
    pass


class EngineContract:
    def test_engine_says_what_it_is(self, bench: Bench) -> None:
        info = bench.engine.info()
        assert info.kind in {"docker", "podman"}
        assert info.address.startswith(("unix://", "tcp://"))

    def test_program_of_a_container_is_run_as_its_root_without_a_shell(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.start_container(container.id)
        missing = bench.engine.run(container.id, ["nothing; of that name"], {"NAME": "a b"})
        assert missing.status in (126, 127)
        assert "nothing; of that name" in missing.output
        bench.engine.stop_container(container.id, 5)
        with pytest.raises(EngineError):
            bench.engine.run(container.id, ["nothing"], {})

    # Images

    def test_unknown_image_is_none(self, bench: Bench) -> None:
        assert bench.engine.image("localhost/cleanenv-test/nothing:here") is None

    def test_imported_image_is_found_by_its_tag_and_by_its_id(self, bench: Bench) -> None:
        image = bench.engine.import_image(bench.tar, bench.tag, _quiet)
        assert image.id.startswith("sha256:")
        assert image.tags == (bench.tag,)
        assert any(variable.startswith("PATH=") for variable in image.environment)
        assert bench.engine.image(bench.tag) == bench.engine.image(image.id) == image

    def test_import_reports_its_bytes_up_to_the_last(self, bench: Bench) -> None:
        reports: list[tuple[int, int | None]] = []
        bench.engine.import_image(bench.tar, bench.tag, lambda _, done, total: reports.append((done, total)))
        assert reports == sorted(reports)
        assert reports[-1][0] == reports[-1][1]

    def test_second_import_takes_the_tag_over(self, bench: Bench) -> None:
        bench.engine.import_image(bench.tar, bench.tag, _quiet)
        second = bench.engine.import_image(bench.tar, bench.tag, _quiet)
        assert bench.engine.image(bench.tag) == second

    def test_import_without_a_file_names_it(self, bench: Bench) -> None:
        with pytest.raises(EngineError, match=r"/no/such\.tar"):
            bench.engine.import_image("/no/such.tar", bench.tag, _quiet)

    def test_image_that_no_registry_has_is_not_found(self, bench: Bench) -> None:
        with pytest.raises(ImageNotFoundError):
            bench.engine.pull("localhost/cleanenv-test/nothing:here", _quiet)

    def test_removed_image_is_gone_and_removing_it_again_is_fine(self, bench: Bench) -> None:
        image = bench.engine.import_image(bench.tar, bench.tag, _quiet)
        bench.engine.remove_image(image.id)
        bench.engine.remove_image(image.id)
        assert (bench.engine.image(image.id), bench.engine.image(bench.tag)) == (None, None)

    def test_image_of_a_container_is_not_removed(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        with pytest.raises(EngineError, match="uses it"):
            bench.engine.remove_image(bench.spec.image_id)
        assert bench.engine.container(container.id) == container
        assert self._image(bench).id == bench.spec.image_id

    def test_file_of_an_image_is_read(self, bench: Bench) -> None:
        assert bench.engine.read_file(bench.spec.image_id, "/etc/passwd") == bench.passwd
        assert bench.engine.read_file(bench.spec.image_id, "/etc/no/such") is None
        assert bench.engine.read_file(bench.spec.image_id, "/etc") is None

    def test_file_of_a_missing_image_is_an_error(self, bench: Bench) -> None:
        with pytest.raises(EngineError):
            bench.engine.read_file("sha256:" + "0" * 64, "/etc/passwd")

    def test_networks_that_every_engine_has_are_listed(self, bench: Bench) -> None:
        assert {"bridge", "host", "none"} <= set(bench.engine.networks())

    # Containers

    def test_created_container_is_as_specified_and_does_not_run(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        assert (container.name, container.image_id, container.status, container.pid) == (
            bench.spec.name,
            bench.spec.image_id,
            "created",
            0,
        )
        assert set(bench.spec.labels) <= set(container.labels)
        assert not container.is_running

    def test_taken_name_is_refused(self, bench: Bench) -> None:
        bench.engine.create_container(bench.spec)
        with pytest.raises(EngineError, match="that name is taken"):
            bench.engine.create_container(bench.spec)

    def test_container_of_a_missing_image_is_refused(self, bench: Bench) -> None:
        with pytest.raises(ImageNotFoundError):
            bench.engine.create_container(replace(bench.spec, image_id="sha256:" + "0" * 64))

    def test_nonsense_in_publish_is_refused(self, bench: Bench) -> None:
        with pytest.raises(UsageError, match="publish 'eighty'"):
            bench.engine.create_container(replace(bench.spec, network="bridge", publish=("eighty",)))
        assert bench.engine.containers(bench.label) == ()

    def test_started_container_runs_and_starting_it_again_is_fine(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.start_container(container.id)
        started = bench.engine.container(container.id)
        bench.engine.start_container(container.id)
        assert started is not None
        assert started.is_running
        assert started.pid > 0
        assert bench.engine.container(container.id) == started

    def test_stopped_container_has_ended_by_itself_and_stopping_it_again_is_fine(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.start_container(container.id)
        bench.engine.stop_container(container.id, grace_s=20)
        bench.engine.stop_container(container.id, grace_s=20)
        stopped = bench.engine.container(container.id)
        assert stopped is not None
        assert (stopped.status, stopped.pid) == ("exited", 0)
        assert bench.engine.logs(container.id, lines=10) == "ready\nended\n"
        assert bench.engine.logs(container.id, lines=1) == "ended\n"

    def test_stopping_a_container_that_never_ran_is_fine(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.stop_container(container.id, grace_s=1)
        assert bench.engine.container(container.id) == container

    def test_stopped_container_starts_again(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.start_container(container.id)
        bench.engine.stop_container(container.id, grace_s=20)
        bench.engine.start_container(container.id)
        again = bench.engine.container(container.id)
        assert again is not None
        assert again.is_running

    def test_running_container_is_removed_and_removing_it_again_is_fine(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.start_container(container.id)
        bench.engine.remove_container(container.id)
        bench.engine.remove_container(container.id)
        assert bench.engine.container(container.id) is None

    def test_container_that_is_not_there_can_neither_start_nor_stop_nor_speak(self, bench: Bench) -> None:
        nobody = "0" * 64
        with pytest.raises(EngineError, match="start container 000000000000"):
            bench.engine.start_container(nobody)
        with pytest.raises(EngineError, match="stop container 000000000000"):
            bench.engine.stop_container(nobody, grace_s=1)
        with pytest.raises(EngineError, match="log of container 000000000000"):
            bench.engine.logs(nobody, lines=1)

    def test_containers_are_listed_by_label_running_or_not(self, bench: Bench) -> None:
        first = bench.engine.create_container(self._named(bench, "a", "one"))
        second = bench.engine.create_container(self._named(bench, "b", "two"))
        bench.engine.start_container(second.id)
        listed = bench.engine.containers(bench.label)
        assert [(each.id, each.is_running) for each in listed] == [(first.id, False), (second.id, True)]
        assert [each.id for each in bench.engine.containers(f"{bench.label}=two")] == [second.id]
        assert bench.engine.containers(f"{bench.label}=three") == ()

    def test_renamed_container_is_the_same_and_its_old_name_is_free(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.rename_container(container.id, f"{bench.spec.name}-before")
        renamed = bench.engine.container(container.id)
        assert renamed == replace(container, name=f"{bench.spec.name}-before")
        other = bench.engine.create_container(bench.spec)
        with pytest.raises(EngineError, match="rename container"):
            bench.engine.rename_container(other.id, f"{bench.spec.name}-before")

    # Names, labels and archives of images

    def test_image_has_several_tags_and_goes_with_the_last(self, bench: Bench) -> None:
        image = bench.engine.import_image(bench.tar, bench.tag, _quiet)
        bench.engine.tag_image(image.id, bench.tag_of(2))
        assert bench.engine.image(bench.tag_of(2)) == replace(image, tags=(bench.tag, bench.tag_of(2)))
        bench.engine.untag_image(bench.tag)
        bench.engine.untag_image(bench.tag)
        assert bench.engine.image(image.id) == replace(image, tags=(bench.tag_of(2),))
        bench.engine.untag_image(bench.tag_of(2))
        assert bench.engine.image(image.id) is None

    def test_tag_goes_over_to_another_image(self, bench: Bench) -> None:
        first = bench.engine.import_image(bench.tar, bench.tag, _quiet)
        second = bench.engine.import_image(bench.tar, bench.tag_of(2), _quiet)
        bench.engine.tag_image(second.id, bench.tag)
        found = bench.engine.image(bench.tag)
        assert found is not None
        assert found.id == second.id
        left = bench.engine.image(first.id)
        assert left is not None
        assert left.tags == ()

    def test_labelled_image_has_the_same_layers_and_those_labels_over_its_own(self, bench: Bench) -> None:
        label = bench.label
        container = bench.engine.create_container(
            replace(bench.spec, labels=((label, "first"), (f"{label}.kept", "x")))
        )
        bench.write(container.id, "/file", b"content")
        first = bench.engine.commit_container(container.id, bench.tag_of(1), {})
        long = '{"a": "$b \\ \n"}' * 10_000
        second = bench.engine.label_image(first.id, bench.tag_of(2), {label: "second", f"{label}.long": long})
        assert (second.layers, second.size, second.environment) == (first.layers, first.size, first.environment)
        assert (second.id != first.id, second.tags) == (True, (bench.tag_of(2),))
        expected = {(label, "second"), (f"{label}.kept", "x"), (f"{label}.long", long)}
        assert expected <= set(second.labels)
        assert not expected & set(first.labels) - {(f"{label}.kept", "x")}
        (found,) = bench.engine.labelled_images(f"{label}=second")
        assert (found.id, found.labels, found.tags) == (second.id, second.labels, second.tags)

    def test_image_that_another_was_made_of_can_be_removed_before_it(self, bench: Bench) -> None:
        label = bench.label
        first = bench.engine.label_image(bench.spec.image_id, bench.tag_of(1), {label: "first"})
        second = bench.engine.label_image(first.id, bench.tag_of(2), {label: "second"})
        bench.engine.remove_image(first.id)
        assert bench.engine.image(bench.tag_of(1)) is None
        assert [each.id for each in bench.engine.labelled_images(label)] == [second.id]
        bench.engine.remove_image(second.id)
        assert bench.engine.image(first.id) is None

    def test_saved_images_come_back_with_their_tags_labels_and_layers(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.write(container.id, "/file", b"content")
        first = bench.engine.commit_container(container.id, bench.tag_of(1), {bench.label: "first"})
        second = bench.engine.label_image(first.id, bench.tag_of(2), {bench.label: "second"})
        with bench.engine.save_images([bench.tag_of(1), second.id]) as chunks:
            archive = b"".join(chunks)
        bench.engine.remove_image(second.id)
        bench.engine.remove_image(first.id)
        bench.engine.load_images(iter([archive[:1000], archive[1000:]]))
        loaded = bench.engine.image(bench.tag_of(1))
        assert loaded is not None
        assert (loaded.layers, loaded.labels, loaded.size) == (first.layers, first.labels, first.size)
        assert self._read(bench, loaded.id)["file"] == b"content"
        again = bench.engine.labelled_images(f"{bench.label}=second")
        assert [each.tags for each in again] == [()]
        bench.engine.remove_image(again[0].id)

    def test_images_that_are_not_there_are_not_named_labelled_or_saved(self, bench: Bench) -> None:
        nothing = "sha256:" + "0" * 64
        with pytest.raises(EngineError, match="tag image"):
            bench.engine.tag_image(nothing, bench.tag)
        with pytest.raises(EngineError, match="label image"):
            bench.engine.label_image(nothing, bench.tag, {bench.label: "x"})
        with pytest.raises(EngineError, match="save the images"), bench.engine.save_images([nothing]):
            pass
        with pytest.raises(EngineError, match="load the images"):
            bench.engine.load_images(iter([b"no archive" * 1000]))
        assert bench.engine.image(bench.tag) is None

    # States of a container

    def test_committed_image_has_one_layer_more_and_what_was_written(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.write(container.id, "/file", b"content")
        image = bench.engine.commit_container(container.id, bench.tag, {})
        base = self._image(bench)
        assert image.layers[:-1] == base.layers
        assert (len(image.layers), image.size) == (len(base.layers) + 1, base.size + len(b"content"))
        assert image.tags == (bench.tag,)
        assert bench.engine.image(bench.tag) == image
        assert self._read(bench, image.id)["file"] == b"content"

    def test_running_container_goes_on_after_a_commit(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.engine.start_container(container.id)
        before = bench.engine.container(container.id)
        bench.engine.commit_container(container.id, bench.tag, {})
        assert bench.engine.container(container.id) == before
        bench.engine.stop_container(container.id, grace_s=20)
        assert bench.engine.logs(container.id, lines=10) == "ready\nended\n"

    def test_images_of_an_unchanged_container_have_the_same_layers(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.write(container.id, "/file", b"content")
        images = [bench.engine.commit_container(container.id, bench.tag_of(number), {}) for number in (1, 2)]
        bench.write(container.id, "/file", b"CONTENT")
        images.append(bench.engine.commit_container(container.id, bench.tag_of(3), {}))
        assert images[0].layers == images[1].layers != images[2].layers
        assert len({image.id for image in images}) == 3

    def test_image_of_a_container_that_changed_nothing_has_the_layers_of_its_own(self, bench: Bench) -> None:
        first = bench.engine.create_container(bench.spec)
        bench.write(first.id, "/file", b"content")
        bench.engine.start_container(first.id)
        image = bench.engine.commit_container(first.id, bench.tag_of(1), {})
        second = bench.engine.create_container(replace(bench.spec, image_id=image.id, name=f"{bench.spec.name}-2"))
        bench.engine.start_container(second.id)
        again = bench.engine.commit_container(second.id, bench.tag_of(2), {})
        assert (again.layers, again.size) == (image.layers, image.size)
        bench.engine.remove_image(again.id)

    def test_committed_image_has_the_containers_labels_and_its_own_over_them(self, bench: Bench) -> None:
        label = bench.label
        spec = replace(bench.spec, labels=((label, "container"), (f"{label}.kept", 'a "b" $c \\d')))
        container = bench.engine.create_container(spec)
        image = bench.engine.commit_container(container.id, bench.tag, {label: "image"})
        (found,) = bench.engine.labelled_images(label)
        assert found.id == image.id
        assert {(label, "image"), (f"{label}.kept", 'a "b" $c \\d')} <= set(found.labels)
        assert bench.engine.labelled_images(f"{label}=image") == (found,)
        assert bench.engine.labelled_images(f"{label}=other") == ()

    def test_container_of_a_committed_image_begins_with_its_state_and_differs_in_nothing(self, bench: Bench) -> None:
        first = bench.engine.create_container(bench.spec)
        bench.write(first.id, "/file", b"content")
        image = bench.engine.commit_container(first.id, bench.tag, {})
        second = bench.engine.create_container(replace(bench.spec, image_id=image.id, name=f"{bench.spec.name}-2"))
        assert bench.engine.changed_paths(second.id) == ()
        bench.write(second.id, "/other", b"")
        assert bench.engine.changed_paths(second.id) == ("/other",)
        with bench.engine.export_container(second.id) as chunks:
            assert {"file": b"content", "other": b""}.items() <= _unpacked(chunks).items()

    def test_changes_of_a_container_are_listed(self, bench: Bench) -> None:
        container = bench.engine.create_container(bench.spec)
        bench.write(container.id, "/first", b"")
        before = set(bench.engine.changed_paths(container.id))
        bench.write(container.id, "/new/file", b"content")
        assert set(bench.engine.changed_paths(container.id)) - before == {"/new", "/new/file"}

    def test_flat_image_has_one_layer_and_the_same_content_variables_and_labels(self, bench: Bench) -> None:
        label = bench.label
        container = bench.engine.create_container(
            replace(bench.spec, environment=('A=1 "2" $HOME \\',), labels=((label, 'a "b" $c \\d'),))
        )
        bench.write(container.id, "/file", b"content")
        image = bench.engine.commit_container(container.id, bench.tag_of(1), {})
        reports: list[str] = []
        labels = {f"{label}.temporary": "1"}
        flat = bench.engine.flatten_image(image.id, bench.tag_of(2), labels, lambda what, *_: reports.append(what))
        assert len(flat.layers) == 1
        assert flat.tags == (bench.tag_of(2),)
        assert set(flat.environment) == set(image.environment)
        assert self._read(bench, flat.id) == self._read(bench, image.id)
        first, second = bench.engine.labelled_images(label)
        assert first.labels == second.labels
        assert bench.engine.containers(f"{label}.temporary") == ()
        assert reports

    def test_states_of_what_is_not_there_are_refused(self, bench: Bench) -> None:
        nobody, nothing = "0" * 64, "sha256:" + "0" * 64
        with pytest.raises(EngineError, match="save the state of container 000000000000"):
            bench.engine.commit_container(nobody, bench.tag, {})
        with pytest.raises(EngineError, match="look for changes of container 000000000000"):
            bench.engine.changed_paths(nobody)
        with pytest.raises(EngineError, match=r"(flatten|read) image"):
            bench.engine.flatten_image(nothing, bench.tag, {bench.label: "1"}, _quiet)
        with pytest.raises(EngineError, match="read image"), bench.engine.export_image(nothing, {bench.label: "1"}):
            pass
        assert bench.engine.image(bench.tag) is None

    def _read(self, bench: Bench, image_id: str) -> dict[str, bytes]:
        with bench.engine.export_image(image_id, {f"{bench.label}.temporary": "1"}) as chunks:
            return _unpacked(chunks)

    @staticmethod
    def _named(bench: Bench, suffix: str, value: str) -> ContainerSpec:
        return replace(bench.spec, name=f"{bench.spec.name}-{suffix}", labels=((bench.label, value),))

    @staticmethod
    def _image(bench: Bench) -> Image:
        image = bench.engine.image(bench.spec.image_id)
        assert image is not None
        return image


def _unpacked(chunks: Iterator[bytes]) -> dict[str, bytes]:
    """The regular files of a tar stream."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        members = [(member.name, tar.extractfile(member)) for member in tar if member.isreg()]
        return {name: file.read() for name, file in members if file is not None}
