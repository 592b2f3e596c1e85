"""The history of an environment as JSON values, which the state file holds."""

from __future__ import annotations

from cleanenv.model.history import ROOT_ID, History, Layer, Snapshot
from cleanenv.model.json_values import number, objects, text

__all__ = ["history_of", "object_of"]


def object_of(history: History) -> dict[str, object]:
    """The history as JSON values."""
    return {
        "position": history.position,
        "tip": history.tip,
        "next_id": history.next_id,
        "snapshots": [
            {
                "id": each.id,
                "parent": each.parent,
                "name": each.name,
                "created": each.created,
                "image_id": each.image_id,
                "layer": each.layer,
                "cause": each.cause,
            }
            for each in history.snapshots
        ],
        "layers": [{"id": each.id, "below": each.below, "size": each.size} for each in history.layers],
    }


def history_of(data: dict[str, object]) -> History:
    """Read what `object_of` made. Raises ValueError, LookupError or TypeError for anything else."""
    history = History(
        snapshots=tuple(_snapshot(each) for each in objects(data["snapshots"])),
        position=number(data["position"]),
        tip=number(data["tip"]),
        next_id=number(data["next_id"]),
        layers=tuple(
            Layer(text(each["id"]), text(each["below"]), number(each["size"])) for each in objects(data["layers"])
        ),
    )
    _check(history)
    return history


def _snapshot(data: dict[str, object]) -> Snapshot:
    return Snapshot(
        id=number(data["id"]),
        parent=None if data["parent"] is None else number(data["parent"]),
        name=text(data["name"]),
        created=number(data["created"]),
        image_id=text(data["image_id"]),
        layer=text(data["layer"]),
        cause=text(data["cause"]),
    )


def _check(history: History) -> None:
    """Raises ValueError for what is no tree, or speaks of what there is not."""
    known: set[int | None] = set()
    last = ROOT_ID
    names: set[str] = set()
    layers = {""}
    for layer in history.layers:
        if layer.below not in layers or layer.id in layers:
            raise ValueError(f"layer {layer.id} is out of place")
        layers.add(layer.id)
    for each in history.snapshots:
        is_root = each.id == ROOT_ID and each.parent is None and not known
        if not is_root and (each.parent not in known or each.id <= last):
            raise ValueError(f"snapshot {each.id} is out of place")
        if each.name in names or each.layer not in layers or each.id >= history.next_id:
            raise ValueError(f"snapshot {each.id} contradicts others")
        known.add(each.id)
        last = each.id
        names.add(each.name)
    if history.position not in known or history.tip not in known or not known:
        raise ValueError("the position is not in the tree")
