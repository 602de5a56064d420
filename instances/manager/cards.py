"""The ports of servers, by the servers' own rows: what a port says of its device counts for nothing."""

from __future__ import annotations

from collections.abc import Sequence

from cloudweb.context import RequestContext
from instances.models import Instance
from instances.rows import ServerRow
from network.manager import PortManager
from network.rows import PortCard


def ports_of(
    context: RequestContext, instances: Sequence[Instance] | Sequence[ServerRow]
) -> dict[str, Sequence[PortCard]]:
    """Return each server's ports in the order of its cards, in three queries for all servers."""
    cards = {str(instance.id): instance.port_ids for instance in instances}
    found = PortManager(context).cards([one for ids in cards.values() for one in ids])
    return {
        instance_id: [found[one] for one in ids if one in found]
        for instance_id, ids in cards.items()
    }
