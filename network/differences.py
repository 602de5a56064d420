"""Taps that no port explains, and ports that their host does not have."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from cloudweb.database.clock import now
from cloudweb.identifiers import as_uuid
from cloudweb.rpc import Order
from network import states
from network.models import Port
from network.news import wirings_lost
from network.objects import NetworkInventory, PortRef
from network.querysets import PortQuerySet
from network.rpc import UNPLUG
from operations.saga import Run
from reconciliation.kinds import Finding, Kind, declare

if TYPE_CHECKING:
    from reconciliation.models import Difference

UNKNOWN, MISSING = "tap_unknown", "tap_missing"
#: What changed so shortly ago may be on its way.
RESTED = timedelta(seconds=30)


def find_taps(host: str, inventory: NetworkInventory) -> Mapping[str, list[Finding]]:
    """Compare what a host has with the ports that are bound to it."""
    there = {one.id: one for one in (*inventory.ports, *inventory.strays)}
    keys = [key for name in there if (key := as_uuid(name)) is not None]
    known = {str(key) for key in Port.objects.filter(id__in=keys).values_list("id", flat=True)}
    unknown = [
        Finding(
            one.id,
            f"Tap {one.tap} is that of port {one.id}, which is gone.",
            one.id,
            {"network_id": one.network_id, "tap": one.tap},
        )
        for one in there.values()
        if one.id not in known
    ]
    missing = [
        Finding(str(key), f"Port {key} is said to be up, and its host does not have it.", str(key))
        for key in _settled(host).values_list("id", flat=True)
        if str(key) not in there
    ]
    return {UNKNOWN: unknown, MISSING: missing}


def _settled(host: str) -> PortQuerySet:
    rows = Port.objects.filter(host=host, status=states.ACTIVE, device_owner__startswith="compute:")
    return rows.filter(updated_at__lt=now() - RESTED)


def _is_gone(difference: Difference) -> bool:
    return not Port.objects.filter(id=difference.subject).exists()


def _unplug(_run: Run, difference: Difference) -> Order:
    facts = difference.facts
    ref = PortRef(id=difference.subject, network_id=facts["network_id"], tap=facts["tap"])
    return UNPLUG.order(host=difference.host, resource_id=ref.id, payload=ref)


def _is_said_to_be_up(difference: Difference) -> bool:
    return _settled(difference.host).filter(id=difference.subject).exists()


def _tell_again(_run: Run, difference: Difference) -> None:
    wirings_lost(difference.host, [difference.subject])


declare(
    Kind(
        name=UNKNOWN,
        title="Tap of no port",
        remedy="The tap and its filters are taken off the host.",
        is_true=_is_gone,
        heal=_unplug,
        hold=timedelta(minutes=10),
        resource_type="port",
    ),
    Kind(
        name=MISSING,
        title="Port missing on its host",
        remedy="The host is told the port again.",
        is_true=_is_said_to_be_up,
        heal=_tell_again,
        resource_type="port",
    ),
)
