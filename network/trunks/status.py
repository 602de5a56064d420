"""What a trunk is called for what its ports are."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from network import states
from network.models import Port, Trunk


def settle(trunk_id: UUID) -> None:
    """Write down what the trunk's ports make of it; the caller has its row locked, or is the last to know."""
    parent = Port.objects.filter(trunk=trunk_id).values_list("host", "applied_revision").first()
    subports = Port.objects.filter(subport__trunk=trunk_id)
    there = parent is not None and bool(parent[0]) and bool(parent[1])
    said = status_of(there, list(subports.values_list("status", "applied_revision")))
    Trunk.objects.filter(id=trunk_id).exclude(status=said).update(status=said)


def status_of(there: bool, subports: Sequence[tuple[str, int]]) -> str:
    """Return a trunk's status: of (status, confirmed revision) of its subports, and whether its parent is on a host."""
    if not there:
        return states.DOWN
    missing = [status for status, applied in subports if not applied]
    if states.ERROR in missing:
        return states.ERROR if len(missing) == len(subports) else states.DEGRADED
    return states.BUILD if missing else states.ACTIVE
