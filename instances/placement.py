"""What a server asks of its place: from its row, its cards and its size to a request of the scheduler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from cloudweb.context import RequestContext
from compute.exceptions import GuestTopologyInvalid
from compute.guest_topology import without_topology
from compute.manager import AggregateManager
from compute.scheduler import GroupPolicy, PlacementGroup, PlacementRequest, needs
from instances.models import Instance, InstancePort
from instances.scheduler_hints import addresses_near, query_of, servers_of
from network.manager import PortManager

OF_AGGREGATES = "aggregate_instance_extra_specs:"


def request_for(
    context: RequestContext,
    instance: Instance,
    cards: Iterable[InstancePort],
    size: Mapping[str, Any],
) -> PlacementRequest:
    """Return what the server asks of any place where it is of this size (``rows.flavor_of``)."""
    hints, aggregates = instance.scheduler_hints, AggregateManager(context)
    local = size["disk"] if instance.image_id else 0  # else the disk it boots from is a volume
    return PlacementRequest(
        disk=local + size["ephemeral"],
        zone=instance.wanted_zone or None,
        hosts=_hosts_on_networks(context, cards),
        project_id=instance.project_id if hints else "",  # requests that are alike share statements
        query=query_of(hints),
        near=_hosts_near(context, hints),
        together_with=servers_of(hints, "same_host"),
        apart_from=servers_of(hints, "different_host"),
        group=_group(instance),
        aggregates=tuple(aggregates.matching(_wanted_of_aggregates(size["extra_specs"]))),
        refused_aggregates=tuple(aggregates.refusing(instance.image_properties)),
        image_id=instance.image_id,
        **_needs(instance, size),
    )


def _needs(instance: Instance, size: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what flavor and image ask for; of a server that an older release made, what that release heard."""
    said = size["extra_specs"], instance.image_properties
    vcpus, ram = size["vcpus"], size["ram"]
    try:
        return needs(*said, vcpus=vcpus, ram=ram)
    except GuestTopologyInvalid:
        return needs(*map(without_topology, said), vcpus=vcpus, ram=ram)


def _hosts_on_networks(
    context: RequestContext, cards: Iterable[InstancePort]
) -> tuple[str, ...] | None:
    """Return the hosts that serve all networks of these cards, None where all do."""
    found = PortManager(context).hosts_on([card.network_id for card in cards])
    return None if found is None else tuple(sorted(found))


def _hosts_near(context: RequestContext, hints: Mapping[str, Any]) -> tuple[str, ...] | None:
    addresses = addresses_near(hints)
    if addresses is None:
        return None
    return tuple(sorted(PortManager(context).hosts_within(addresses)))


def _group(instance: Instance) -> PlacementGroup | None:
    group = instance.server_group
    if group is None:
        return None
    return PlacementGroup(
        group.id, cast(GroupPolicy, group.policy), most=group.max_server_per_host or 1
    )


def _wanted_of_aggregates(extra_specs: Mapping[str, str]) -> dict[str, str]:
    return {
        key.removeprefix(OF_AGGREGATES): value
        for key, value in extra_specs.items()
        if key.startswith(OF_AGGREGATES)
    }
