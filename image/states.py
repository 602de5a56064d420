"""The statuses of an image and the moves between them; everything else is a conflict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

#: An upload that was not seen for so long is dead; another may take its place.
ABANDONED = timedelta(seconds=60)

QUEUED = "queued"
SAVING = "saving"
UPLOADING = "uploading"
IMPORTING = "importing"
ACTIVE = "active"
DEACTIVATED = "deactivated"
KILLED = "killed"
DELETED = "deleted"

#: status -> what it may become. What holds no data of its own is active from ``queued`` on. A failed
#: upload or import goes back to queued; ``deleted`` is
#: invisible and lasts only until the data is off the store.
MOVES: Mapping[str, frozenset[str]] = {
    QUEUED: frozenset({SAVING, UPLOADING, IMPORTING, ACTIVE, DELETED}),
    SAVING: frozenset({ACTIVE, QUEUED, KILLED, DELETED}),
    UPLOADING: frozenset({IMPORTING, QUEUED, DELETED}),
    IMPORTING: frozenset({ACTIVE, QUEUED, DELETED}),
    ACTIVE: frozenset({DEACTIVATED, DELETED}),
    DEACTIVATED: frozenset({ACTIVE, DELETED}),
    KILLED: frozenset({DELETED}),
    DELETED: frozenset(),
}
STATUSES = tuple(MOVES)
#: While a request brings the data.
RECEIVING = frozenset({SAVING, UPLOADING})
WITH_DATA = frozenset({ACTIVE, DEACTIVATED})


def may_become(target: str) -> frozenset[str]:
    """Return the statuses that this one can follow."""
    return frozenset(status for status, following in MOVES.items() if target in following)
