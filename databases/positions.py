"""How far datastores of one set are, compared: the one that is furthest has all that the others have."""

from __future__ import annotations

from databases.objects import ReplicationPoint

Progress = tuple[int, int]
NOWHERE: Progress = (-1, -1)


def progress(manager: str, point: ReplicationPoint) -> Progress:
    """Return what orders the points of a set: the timeline, then the place in the log (LSN), or the sum of GTIDs.

    A place that nobody can read is before all others.
    """
    try:
        if manager == "postgresql":
            high, _, low = point.position.partition("/")
            return point.timeline, (int(high, 16) << 32) | int(low, 16)
        numbers = [one.rpartition("-")[2] for one in point.position.split(",") if one.strip()]
        return point.timeline, sum(int(one) for one in numbers)
    except ValueError:
        return NOWHERE
