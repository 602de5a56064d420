"""Network cards that guests lack, or have and should not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from cloudweb.context import RequestContext
from cloudweb.rpc import Order
from compute.objects import (
    AttachInterfaceRequest,
    DetachInterfaceRequest,
    GuestInterface,
    SeenGuest,
)
from compute.rpc import ATTACH_INTERFACE, DETACH_INTERFACE
from instances.block_devices import DiskStatus
from instances.conf import INTERFACE_DETACH_TIMEOUT
from instances.differences.resting import find_resting
from instances.models import Instance, InstancePort
from network.manager import PortManager
from network.objects import tap_name
from operations.saga import Run
from reconciliation.kinds import Finding, Kind, declare

if TYPE_CHECKING:
    from reconciliation.models import Difference

MISSING, UNKNOWN = "card_missing", "card_unknown"


def find_cards(
    guests: Mapping[str, SeenGuest], rest: Mapping[str, Instance]
) -> Mapping[str, list[Finding]]:
    """Compare the cards of running guests with their ports; of cards alone that can come and go."""
    found: dict[str, list[Finding]] = {MISSING: [], UNKNOWN: []}
    ports: defaultdict[str, dict[str, tuple[UUID, str]]] = defaultdict(dict)
    rows = InstancePort.objects.filter(instance_id__in=[*guests]).exclude(port_id=None)
    for owner, port_id, status in rows.values_list("instance_id", "port_id", "status"):
        assert port_id is not None
        ports[str(owner)][tap_name(str(port_id))] = (port_id, status)
    for server_id, guest in guests.items():
        server = rest[server_id]
        for tap, (port_id, status) in ports[server_id].items():
            if tap not in guest.taps and status == DiskStatus.ATTACHED:
                sentence = f"Server {server.name} runs without the card of its port {port_id}."
                facts = {"server": server_id}
                found[MISSING].append(Finding(str(port_id), sentence, server_id, facts))
        for tap in guest.taps:
            if tap not in ports[server_id]:
                sentence = f"Server {server.name} has a card on {tap}, which is no port of its own."
                facts = {"server": server_id}
                found[UNKNOWN].append(Finding(tap, sentence, server_id, facts))
    return found


def _server(difference: Difference) -> Instance | None:
    return find_resting(difference.facts["server"], difference.host)


def _lacks(difference: Difference) -> bool:
    server = _server(difference)
    rows = InstancePort.objects.filter(port_id=difference.subject, status=DiskStatus.ATTACHED)
    return server is not None and rows.filter(instance=server).exists()


def _has_too_many(difference: Difference) -> bool:
    server = _server(difference)
    if server is None:
        return False
    ports = InstancePort.objects.filter(instance=server).exclude(port_id=None)
    return difference.subject not in {
        tap_name(str(port_id)) for port_id in ports.values_list("port_id", flat=True)
    }


def _attach(_run: Run, difference: Difference) -> Order | None:
    server = _server(difference)
    there = PortManager(RequestContext.system()).plugs([difference.subject])
    if server is None or not there:
        return None
    card = GuestInterface(port_id=there[0].id, mac=there[0].mac, tap=there[0].tap, mtu=there[0].mtu)
    request = AttachInterfaceRequest(id=str(server.id), name=server.hypervisor_name, interface=card)
    return ATTACH_INTERFACE.order(host=server.host, resource_id=request.id, payload=request)


def _detach(_run: Run, difference: Difference) -> Order | None:
    server = _server(difference)
    if server is None:
        return None
    request = DetachInterfaceRequest(
        id=str(server.id),
        name=server.hypervisor_name,
        port_id="",
        tap=difference.subject,
        timeout=INTERFACE_DETACH_TIMEOUT,
    )
    return DETACH_INTERFACE.order(host=server.host, resource_id=request.id, payload=request)


declare(
    Kind(
        name=MISSING,
        title="Card missing",
        remedy="The card is plugged into the guest.",
        is_true=_lacks,
        heal=_attach,
        resource_type="instance",
    ),
    Kind(
        name=UNKNOWN,
        title="Card of no port",
        remedy="The card is taken from the guest.",
        is_true=_has_too_many,
        heal=_detach,
        resource_type="instance",
    ),
)
