"""The history of an environment: its snapshots as a tree, and where in it the container stands.

Snapshot 0 is the state after create; its image is the environment's base image, which is not cleanenv's own. Numbers
are given once. A `History` is a value: what changes it gives another one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cleanenv.errors import EnvironmentStateError, UsageError

__all__ = ["COMMANDS", "ROOT_ID", "ROOT_NAME", "History", "Layer", "Snapshot", "chain_id", "check_snapshot_name"]

ROOT_ID = 0
ROOT_NAME = "created"

# `cleanenv snapshot WORD` is one of these, else the short form of `restore`: no snapshot may be called so.
COMMANDS = frozenset(
    {"create", "list", "restore", "back", "forward", "diff", "show", "rename", "remove", "prune", "configure"}
    | {"automatic", "flatten"}  # which cleanenv itself calls
)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
_NAME_MAX = 128


@dataclass(frozen=True, slots=True)
class Layer:
    """What an image adds to the one below. `id` says all of its content (the OCI chain id), so equal ones are shared.

    `below` is empty for what stands on the base image, or on nothing. `size` is in bytes.
    """

    id: str
    below: str
    size: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state that can be restored. `created` is seconds since the epoch; `cause` the command line that led to it.

    `layer` is its topmost layer, empty where it adds nothing to the base image.
    """

    id: int
    parent: int | None
    name: str
    created: int
    image_id: str
    layer: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """The tree. `snapshots` are in the order of their numbers, which is that of their making.

    `position` is the snapshot from which the container's present state has come; `tip` the end of the line on which it
    is: `forward` leads there. `layers` are those that the snapshots need.
    """

    snapshots: tuple[Snapshot, ...]
    position: int
    tip: int
    next_id: int
    layers: tuple[Layer, ...] = ()

    @classmethod
    def begin(cls, image_id: str, created: int) -> History:
        """The history of a new environment."""
        return cls((Snapshot(ROOT_ID, None, ROOT_NAME, created, image_id),), ROOT_ID, ROOT_ID, ROOT_ID + 1)

    @property
    def root(self) -> Snapshot:
        return self.snapshots[0]

    @property
    def current(self) -> Snapshot:
        return self.get(self.position)

    def get(self, number: int) -> Snapshot:
        """The snapshot of that number, which there is."""
        return next(each for each in self.snapshots if each.id == number)

    def find(self, text: str) -> Snapshot:
        """The snapshot of that number or name. Raises UsageError."""
        for each in self.snapshots:
            if text in (each.name, str(each.id)):
                return each
        raise UsageError(
            f"snapshot {text}", "the environment has none of that number or name", "cleanenv snapshot list"
        )

    def children(self, number: int) -> tuple[Snapshot, ...]:
        return tuple(each for each in self.snapshots if each.parent == number)

    def line(self, number: int) -> tuple[int, ...]:
        """The snapshot and all before it, up to the root."""
        parents = {each.id: each.parent for each in self.snapshots}
        found: list[int] = []
        at: int | None = number
        while at is not None:
            found.append(at)
            at = parents[at]
        return tuple(found)

    def below(self, number: int) -> tuple[int, ...]:
        """The snapshot and all that have come from it, those after their parents."""
        found = {number}
        for each in self.snapshots:  # a parent has the lower number
            if each.parent in found:
                found.add(each.id)
        return tuple(sorted(found))

    # Movement

    def at(self, number: int) -> History:
        """With the container at that snapshot. On the way back on a line, its end stays where `forward` leads."""
        tip = self.tip if number in self.line(self.tip) else number
        return replace(self, position=number, tip=tip)

    def back(self, steps: int) -> Snapshot:
        """The snapshot so many steps before the position. Raises UsageError when there are fewer."""
        line = self.line(self.position)
        if steps >= len(line):
            raise self._no_such_step("back", steps, len(line) - 1, "before")
        return self.get(line[steps])

    def forward(self, steps: int) -> Snapshot:
        """The snapshot so many steps after the position: on the line to the tip, else by the newest child."""
        ahead = self.line(self.tip)
        number = self.position
        for done in range(steps):
            children = [each.id for each in self.children(number)]
            if not children:
                raise self._no_such_step("forward", steps, done, "after")
            number = next((each for each in children if each in ahead), children[-1])
        return self.get(number)

    def _no_such_step(self, verb: str, wanted: int, there: int, side: str) -> UsageError:
        count = {0: "there is none", 1: "there is 1"}.get(there, f"there are {there}")
        hint = f"cleanenv snapshot {verb} {there}" if there else "cleanenv snapshot list"
        return UsageError(f"snapshot {verb} {wanted}", f"{count} {side} {self._label(self.position)}", hint)

    # Change

    def with_images(self, image_ids: Mapping[int, str]) -> History:
        """The same in another engine, which has these images for the snapshots, by their numbers."""
        return replace(self, snapshots=tuple(replace(each, image_id=image_ids[each.id]) for each in self.snapshots))

    def added(self, snapshot: Snapshot, layers: Iterable[Layer] = ()) -> History:
        """With the snapshot, which gets the next number and becomes the position; `layers` are those of its image."""
        made = replace(snapshot, id=self.next_id, parent=self.position)
        return replace(
            self,
            snapshots=(*self.snapshots, made),
            position=made.id,
            tip=made.id,
            next_id=made.id + 1,
            layers=self._with_layers(layers),
        )

    def renamed(self, number: int, name: str) -> History:
        """With another name for that snapshot. Raises UsageError for a name that is taken or none."""
        check_snapshot_name(name, f"name {name!r}")
        what = f"rename {self._label(number)}"
        if number == ROOT_ID:
            raise UsageError(what, "the state after create keeps its name")
        if any(each.name == name and each.id != number for each in self.snapshots):
            raise UsageError(what, f"the name {name} is taken", "cleanenv snapshot list")
        return self._replaced(number, replace(self.get(number), name=name))

    def flattened(self, number: int, image_id: str, layer: Layer) -> History:
        """With another image for that snapshot, of the same content in one layer."""
        snapshot = replace(self.get(number), image_id=image_id, layer=layer.id)
        snapshots = self._replaced(number, snapshot).snapshots
        return replace(self, snapshots=snapshots, layers=_needed(snapshots, self._with_layers([layer])))

    def without(self, number: int, *, cascade: bool) -> History:
        """Without that snapshot, and with `cascade` without those that stand on it.

        Raises UsageError for the root and where others stand on it, EnvironmentStateError where the container does.
        """
        gone = set(self.below(number))
        what = f"remove {self._label(number)}"
        if number == ROOT_ID:
            raise UsageError(what, "the state after create is always there", "cleanenv reset --hard")
        if len(gone) > 1 and not cascade:
            others = [self._label(each.id) for each in self.children(number)]
            stand = "stands" if len(others) == 1 else "stand"
            raise UsageError(what, f"{', '.join(others)} {stand} on it", f"cleanenv snapshot remove --cascade {number}")
        if self.position in gone:
            why = "it is where the environment is" if self.position == number else "the environment is on a later one"
            raise EnvironmentStateError(what, why, f"cleanenv snapshot restore {self.get(number).parent}")
        return self._without(gone)

    def pruned(self) -> History:
        """Without the branches that were left: what is neither before the position nor between it and the tip."""
        kept = {*self.line(self.position), *self.line(self.tip)}
        return self._without({each.id for each in self.snapshots} - kept)

    def _without(self, gone: set[int]) -> History:
        kept = tuple(each for each in self.snapshots if each.id not in gone)
        tip = next(each for each in self.line(self.tip) if each not in gone)
        return replace(self, snapshots=kept, tip=tip, layers=_needed(kept, self.layers))

    def _replaced(self, number: int, snapshot: Snapshot) -> History:
        return replace(self, snapshots=tuple(snapshot if each.id == number else each for each in self.snapshots))

    # Names

    def free_name(self, template: str, *, date: str, program: str = "") -> str:
        """The name that the template gives the next snapshot, with its number where that is taken."""
        # Not str.format, which would look into whatever the braces name.
        name = template.replace("{id}", str(self.next_id)).replace("{date}", date).replace("{program}", program)
        name = re.sub(r"[^A-Za-z0-9_.+-]", "_", name)[: _NAME_MAX - 12]
        if any(each.name == name for each in self.snapshots) or not _is_name(name):
            name = f"{name or 'snapshot'}-{self.next_id}"
        return name if _is_name(name) else f"snapshot-{name.lstrip('.+-')}"

    def check_free(self, name: str) -> None:
        """Raises UsageError for a name that is taken, or is none."""
        check_snapshot_name(name, f"name {name!r}")
        if any(each.name == name for each in self.snapshots):
            raise UsageError(f"snapshot {name}", "there is one of that name", "cleanenv snapshot list")

    def _label(self, number: int) -> str:
        return f"snapshot {number} ({self.get(number).name})"

    # Layers

    @property
    def disk_use(self) -> int:
        """Bytes of all snapshots beside the base image, shared layers counted once."""
        return sum(layer.size for layer in self.layers)

    def sizes(self) -> dict[int, int]:
        """What each snapshot has added, in bytes: its topmost layer, unless that is the one of its parent."""
        layers = {each.id: each.size for each in self.layers}
        tops = {each.id: each.layer for each in self.snapshots}
        return {
            each.id: 0 if each.parent is not None and tops[each.parent] == each.layer else layers.get(each.layer, 0)
            for each in self.snapshots
        }

    def size(self, number: int) -> int:
        """What that snapshot has added."""
        return self.sizes()[number]

    def layer(self, identifier: str) -> Layer | None:
        return next((each for each in self.layers if each.id == identifier), None)

    def freed_by(self, after: History) -> int:
        """Bytes that the step to `after` gives back."""
        return self.disk_use - after.disk_use

    def _with_layers(self, layers: Iterable[Layer]) -> tuple[Layer, ...]:
        known = {each.id for each in self.layers}
        return (*self.layers, *(each for each in layers if each.id not in known))

    # Order

    def walk(self) -> Iterator[tuple[Snapshot, int, bool]]:
        """Each snapshot after its parent, with the number of lines that it branches off, and whether it begins one.

        Of several children the one on the line to the tip, else the newest, continues the line, and comes last.
        """
        children: dict[int | None, list[Snapshot]] = {}
        for each in self.snapshots:
            children.setdefault(each.parent, []).append(each)
        ahead = frozenset(self.line(self.tip))
        waiting = [(self.root, 0, False)]
        while waiting:
            snapshot, level, begins = waiting.pop()
            yield snapshot, level, begins
            own = children.get(snapshot.id, [])
            if own:
                main = next((each for each in own if each.id in ahead), own[-1])
                waiting.append((main, level, False))
                waiting += [(each, level + 1, True) for each in reversed(own) if each is not main]


def chain_id(layers: Sequence[str]) -> str:
    """What names a layer with all below it (OCI image specification, ChainID), shortened."""
    chain = ""
    for layer in layers:
        chain = "sha256:" + hashlib.sha256(f"{chain} {layer}".encode()).hexdigest() if chain else layer
    return chain[7:39]


def check_snapshot_name(name: str, what: str) -> str:
    """The name as it is. Raises UsageError, naming `what`."""
    if name in COMMANDS:
        raise UsageError(what, "it is a command of cleanenv snapshot", "choose another name")
    if not _is_name(name):
        why = "digits alone are the number of a snapshot" if name.isdigit() else "it is no name for a snapshot"
        raise UsageError(what, why, "use letters, digits and . _ + - (not at the start), at most 128")
    return name


def _needed(snapshots: Iterable[Snapshot], layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers that a snapshot is made of."""
    below = {each.id: each.below for each in layers}
    needed: set[str] = set()
    for snapshot in snapshots:
        at = snapshot.layer
        while at and at not in needed:
            needed.add(at)
            at = below[at]
    return tuple(each for each in layers if each.id in needed)


def _is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and not name.isdigit() and name not in COMMANDS
