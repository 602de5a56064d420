"""Which ports are up, as OVN says: kept where the answers of hosts are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from network import states
from network.models import Port


def note_ups(ups: Mapping[UUID, bool]) -> None:
    """Write down which ports have their flows on their host now; who is on none is not up.

    A host's own answer says as much of a port that was plugged there; this says it of what changes later.
    """
    for up, status in ((True, states.ACTIVE), (False, states.DOWN)):
        ids = [port_id for port_id, is_up in ups.items() if is_up is up]
        if ids:
            told = Port.objects.filter(id__in=ids, applied_revision__gt=0).exclude(host="")
            told.exclude(status=status).update(status=status)


def note_routers(router_ids: Collection[UUID]) -> None:
    """Ports of routers are up once OVN has their rows: they are on no host, or on all."""
    rows = Port.objects.filter(router_port__router__in=router_ids)
    rows.exclude(status=states.ACTIVE).update(status=states.ACTIVE)
