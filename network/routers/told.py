"""What a host says of its routers, beside what it shall have."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from cloudweb.identifiers import as_uuid
from network.models import Router
from network.objects import RouterStatus
from network.operations.refresh_router import start_refreshing_routers
from network.operations.remove_router import start_removing
from network.routers.objects import RouterRef


def note_routers(host: str, statuses: Sequence[RouterStatus]) -> None:
    """Tell a host again the routers that it has lost, or has as they were before; one that left it goes there.

    A router the database does not know is left alone (OPERATIONS 37). A host that has a later picture
    than was ever told was told by a database that is no more: its routers go on above that.
    """
    said = {found: one for one in statuses if (found := as_uuid(one.id)) is not None}
    mine = {row.id: row for row in Router.objects.filter(host=host, applied_revision__gt=0)}
    behind: list[UUID] = []
    for router_id, row in mine.items():
        revision = said[router_id].revision if router_id in said else 0
        if revision > row.wiring_revision:
            Router.objects.filter(id=row.id).update(wiring_revision=revision + 1)
            behind.append(row.id)
        elif revision < row.applied_revision:
            Router.objects.filter(id=row.id).update(applied_revision=revision)
            behind.append(row.id)
    start_refreshing_routers(behind)
    known = {*Router.objects.filter(host=host).values_list("id", flat=True)} if said else set()
    elsewhere = {*Router.objects.filter(id__in=said).values_list("id", flat=True)} - known
    for router_id in elsewhere:
        ref = RouterRef(id=str(router_id), revision=said[router_id].revision)
        start_removing(ref, host=host)
