"""The ports of servers, by the servers' own rows: what a port says of its device counts for nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cloudweb.context import RequestContext
from cloudweb.database.uuids import Among, Dashed
from instances.models import Instance, InstancePort
from instances.rows import ServerRow
from network.manager import PortManager
from network.rows import PortCard


def ports_of(
    context: RequestContext, instances: Sequence[Instance] | Sequence[ServerRow]
) -> Mapping[str, Sequence[PortCard]]:
    """Return each server's ports in the order of its cards, in four queries for all servers."""
    ports: dict[str, list[PortCard]] = {str(instance.id): [] for instance in instances}
    rows = InstancePort.objects.filter(Among("instance_id", ports)).exclude(port_id=None)
    pairs = [*rows.values_list(Dashed("instance_id"), Dashed("port_id"))]
    found = PortManager(context).cards([port_id for _, port_id in pairs])
    for instance_id, port_id in pairs:
        if port_id in found:
            ports[instance_id].append(found[port_id])
    return ports


def tags_of(instance: Instance) -> Mapping[str, str]:
    """Return the tags of a server's cards by the ids of their ports."""
    return {str(card.port_id): card.tag for card in instance.ports.all() if card.tag}
