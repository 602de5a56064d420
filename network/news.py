"""Which hosts have to learn that something of a network changed.

Each function raises the wiring revision of the bound ports concerned, in the caller's transaction,
and has their hosts refreshed.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import F, Q

from cloudweb.database.prepared import Given, Prepared, PreparedUpdate
from cloudweb.identifiers import as_uuid
from network import states
from network.members import note_change, note_joining
from network.models import Network, Port, Router
from network.operations.refresh_host import start_refresh
from network.operations.refresh_router import start_refreshing_routers
from network.querysets import PortQuerySet

_RAISE = PreparedUpdate(
    lambda: Port.objects.filter(network=Given("network")).bound(),
    wiring_revision=F("wiring_revision") + 1,
)
_ROUTERS = Prepared(
    lambda: (
        Router.objects.filter(router_ports__network=Given("network"))
        .values_list("id", flat=True)
        .distinct()
    )
)


def network_changed(network: Network) -> None:
    """Tell the hosts that have ports of a network; the caller has raised the network's revision."""
    if _RAISE(network=network.id):
        bound = Port.objects.filter(network=network).bound()
        start_refresh(set(bound.values_list("host", flat=True)))
    routers_changed(*_ROUTERS.rows(network=network.id))


def port_changed(port: Port) -> None:
    """Tell the port's host."""
    _tell(Port.objects.filter(id=port.id))
    if port.device_owner in states.ROUTER_OWNERS:
        routers = Router.objects.filter(router_ports__port=port)
        routers_changed(*routers.values_list("id", flat=True))


def routers_changed(*router_ids: UUID | None) -> None:
    """Tell the hosts of these routers; one that is on none is told of when it is placed."""
    ids = {router_id for router_id in router_ids if router_id is not None}
    if ids and Router.objects.filter(id__in=ids).raise_wiring():
        start_refreshing_routers(ids)


def qos_changed(policy_id: UUID) -> None:
    """Tell the hosts of whatever is held to a QoS policy."""
    by_network = Q(network__qos_policy=policy_id, qos_policy=None)
    _tell(Port.objects.filter(Q(qos_policy=policy_id) | by_network))
    held = Q(qos_policy=policy_id) | Q(floating_ips__qos_policy=policy_id)
    routers_changed(*Router.objects.filter(held).values_list("id", flat=True).distinct())


def networks_joined(network_ids: Collection[UUID]) -> None:
    """Tell the hosts whose filters name groups on these networks: a router joins or parts them."""
    hosts = note_joining(network_ids)
    if hosts:
        start_refresh(hosts)


def rules_changed(group_ids: Collection[UUID]) -> None:
    """Tell the hosts of the members: what their groups accept has changed."""
    _tell(Port.objects.of_groups(group_ids))


def members_changed(
    group_ids: Collection[UUID], *, port: Port, blocks: Collection[str], pairs: bool
) -> None:
    """Tell the hosts whose filters name these groups: the blocks may have entered or left, with the port.

    Their ports' own wirings stay as they are. ``pairs``: not all are addresses of the port's own.
    """
    blocks_changed(port.network_id, group_ids, blocks=blocks, pairs=pairs)


def blocks_changed(
    network_id: UUID, group_ids: Collection[UUID], *, blocks: Collection[str], pairs: bool = False
) -> None:
    """Tell the hosts whose filters name these groups of blocks of several ports."""
    hosts = note_change(network_id, group_ids, blocks, pairs=pairs)
    if hosts:
        start_refresh(hosts)


def wirings_lost(host: str, port_ids: Collection[str]) -> None:
    """Tell a host its own ports again whose records it lost; who is about to be told is left alone."""
    wanted = [known for port_id in port_ids if (known := as_uuid(port_id)) is not None]
    if wanted:
        _tell(Port.objects.filter(id__in=wanted).confirmed_by(host))


def _tell(ports: PortQuerySet) -> None:
    bound = ports.bound()
    if bound.raise_wiring():
        start_refresh(set(bound.values_list("host", flat=True)))
