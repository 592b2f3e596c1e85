"""A history as text: one line for each snapshot, a line of its own for each branch."""

from __future__ import annotations

import time

from cleanenv.cli.quantities import age_text, size_text
from cleanenv.model.history import History

__all__ = ["tree_lines", "tree_object"]

_CAUSE_MAX = 60


def tree_lines(history: History) -> list[str]:
    """The lines of `cleanenv snapshot list`; the present position has a star."""
    now = time.time()
    sizes = history.sizes()
    rows = []
    for snapshot, level, begins in history.walk():
        branch = "│  " * (level - begins) + ("├─ " if begins else "")
        mark = "*" if snapshot.id == history.position else " "
        size = "" if snapshot.parent is None else size_text(sizes[snapshot.id])
        name = f"{mark} {branch}{snapshot.id} {snapshot.name}"
        rows.append((name, age_text(now - snapshot.created), size, _shortened(snapshot.cause)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        f"{name:{widths[0]}}  {age:>{widths[1]}}  {size:>{widths[2]}}  {cause}".rstrip()
        for name, age, size, cause in rows
    ]


def tree_object(history: History) -> dict[str, object]:
    """The same as JSON values; sizes are in bytes, times in seconds since the epoch."""
    sizes = history.sizes()
    return {
        "position": history.position,
        "disk_use": history.disk_use,
        "snapshots": [
            {
                "id": each.id,
                "parent": each.parent,
                "name": each.name,
                "created": each.created,
                "size": sizes[each.id],
                "cause": each.cause or None,
                "is_current": each.id == history.position,
                "image": each.image_id,
            }
            for each in history.snapshots
        ],
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _CAUSE_MAX else text[: _CAUSE_MAX - 1] + "…"
