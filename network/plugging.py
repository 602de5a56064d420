"""A host has plugged a port: what is written down of it, and what it must be told besides."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Greatest

from cloudweb.database.prepared import Given, Prepared, PreparedUpdate
from network import states
from network.models import Port
from network.objects import ForwardingStatus, GroupStatus
from network.operations.refresh_host import start_refresh
from network.places import note_places
from network.telling import note_generations

_ACTIVE = PreparedUpdate(
    lambda: Port.objects.filter(id=Given("id")),
    "status",
    applied_revision=Greatest(F("ordered_revision"), 1),
)
_REVISIONS = Prepared(
    lambda: Port.objects.filter(id=Given("id")).values_list(
        "host", "wiring_revision", "applied_revision", "trunk_role"
    )
)


def note_plugged(
    port_id: UUID,
    *,
    groups: Sequence[GroupStatus] = (),
    forwarding: ForwardingStatus | None = None,
) -> str:
    """Confirm the wiring that was handed out last, tell the host what changed since; return the port's part in a trunk.

    ``groups`` and ``forwarding``: what the host has for it besides. A port that is gone is no error.
    """
    if not _ACTIVE(id=port_id, status=states.ACTIVE):
        return ""
    found = _REVISIONS.row(id=port_id)
    if found is None:
        return ""
    host, wanted, applied, role = found
    if host:
        behind = note_generations(host, groups)
        if forwarding is not None:
            behind = note_places(host, [forwarding]) or behind
        if behind or wanted > applied:
            start_refresh({host})
    return role
