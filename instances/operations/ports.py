"""Steps about a server's ports: make, plug, unplug, delete."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cloudweb.context import RequestContext
from cloudweb.database.prepared import Given, PreparedUpdate
from cloudweb.exceptions import NotFound
from cloudweb.rpc import Order
from instances.models import Instance, InstancePort
from instances.operations.rows import instance_of, ports_of, write
from instances.states import TaskState
from network.exceptions.trunks import PortInUseAsTrunkParent
from network.manager import PortManager, SecurityGroupManager
from network.objects import PortStatus
from network.rpc import PLUG, UNPLUG
from operations.saga import Run

if TYPE_CHECKING:
    from network.models import Port

_CONNECT = PreparedUpdate(lambda: InstancePort.objects.filter(pk=Given("pk")), "port_id")


def device_owner(instance: Instance) -> str:
    """Return what ports of servers are owned by, with the zone as Neutron shows it."""
    return f"compute:{instance.zone or 'nova'}"


def create_ports(run: Run) -> dict[str, Any]:
    """Make the ports the user asked for, or take those it brought."""
    instance = instance_of(run)
    groups = SecurityGroupManager(run.context)
    wanted = [
        groups.resolve(name, instance.project_id).id for name in instance.security_groups
    ] or None
    for row in ports_of(run):
        row.port_id = port_for(run.context, row, instance, group_ids=wanted).id
        _CONNECT(pk=row.pk, port_id=row.port_id)
    write(run, task_state=TaskState.SPAWNING)
    return {"ports": port_ids(run)}


def port_for(
    context: RequestContext,
    row: InstancePort,
    instance: Instance,
    *,
    group_ids: Sequence[uuid.UUID] | None,
) -> Port:
    """Return the port of a card, bound to the server's host: the one its user brought, or a new one.

    Raises PortInUse, and what is wrong with a new one. It is not written into the card's row.
    """
    manager = PortManager(context)
    device = {
        "host": instance.host,
        "device_id": str(instance.id),
        "device_owner": device_owner(instance),
        "hostname": instance.hostname.partition(".")[0],
    }
    if row.requested_port_id is not None:
        return manager.bind(row.requested_port_id, **device)
    return manager.create_bound(
        caller=_caller(instance, row),
        network_id=row.network_id,
        fixed_ips=[{"ip_address": row.fixed_ip}] if row.fixed_ip else None,
        security_group_ids=group_ids,
        **device,
    )


def move_ports(run: Run, *, host: str) -> None:
    """Let the server's ports be on another host, or on none; they stay the server's."""
    instance, manager = instance_of(run), PortManager(run.context)
    for port_id in port_ids(run):
        with suppress(NotFound):  # its user deleted it
            manager.bind(
                port_id, host=host, device_id=str(instance.id), device_owner=device_owner(instance)
            )


def port_ids(run: Run) -> list[str]:
    """Return the ids of the ports that the server has, in the order of its cards."""
    return [str(row.port_id) for row in ports_of(run) if row.port_id is not None]


def _caller(instance: Instance, row: InstancePort) -> RequestContext:
    """Return whom a port is made for, with the rights that counted when it was asked for."""
    roles = {"reader", "member"} | ({"admin"} if row.by_admin else set())
    return RequestContext(
        user_id=instance.user_id or None,
        project_id=instance.project_id,
        roles=frozenset(roles),
    )


def undo_ports(run: Run) -> None:
    """Let go of the ports; what was asked for is kept, to be tried on another host."""
    rows = ports_of(run)
    InstancePort.objects.filter(instance_id=run.resource_id).update(port_id=None)
    for row in rows:
        let_go(run, row)
        row.port_id = None


def delete_ports(run: Run) -> None:
    """Let go of the ports and of what was asked for."""
    rows = ports_of(run)
    InstancePort.objects.filter(instance_id=run.resource_id).delete()
    for row in rows:
        let_go(run, row)
    rows.clear()


def let_go(run: Run, row: InstancePort) -> None:
    """Delete a port that was made for the server, free one that its user brought or built upon."""
    if row.port_id is None:
        return
    manager = PortManager(run.context)
    try:
        if row.made_here:
            try:
                manager.delete(row.port_id)
                return
            except PortInUseAsTrunkParent:
                pass  # its user made a trunk of it, which stays
        manager.unbind(row.port_id)
    except NotFound:
        return  # its user deleted it meanwhile


def plug_ports(run: Run) -> list[Order]:
    """Order each port onto the host, filters first."""
    instance = instance_of(run)
    manager = PortManager(run.context)
    told = [manager.wiring(port_id) for port_id in port_ids(run)]
    return [PLUG.order(host=instance.host, resource_id=port.id, payload=port) for port in told]


def ports_plugged(run: Run, answers: list[Any]) -> None:
    """Note which ports are up; a port is ACTIVE before its server is."""
    manager = PortManager(run.context)
    for answer in answers:
        if isinstance(answer, dict) and answer.get("object") == PortStatus.__name__:
            plugged = PortStatus.load(answer)
            manager.set_status(
                plugged.id, "ACTIVE", groups=plugged.groups, forwarding=plugged.forwarding
            )


def note_plugged(run: Run) -> None:
    """Note that the server's ports are up, whose host cannot say so; what is changed from now on it is told."""
    manager = PortManager(run.context)
    for port_id in port_ids(run):
        manager.set_status(port_id, "ACTIVE")


def unplug_ports(run: Run) -> list[Order]:
    """Order each port off the host; nothing for a server that has none or never had a host."""
    return unplug_orders(run, port_ids(run))


def unplug_orders(run: Run, wanted: Iterable[str]) -> list[Order]:
    """Order these ports off the server's host."""
    instance = instance_of(run)
    manager = PortManager(run.context)
    orders = []
    for port_id in wanted if instance.host else ():
        try:
            ref = manager.ref(port_id)
        except NotFound:
            continue  # its user deleted it; the network app took it off the host
        manager.set_status(port_id, "DOWN")
        orders.append(UNPLUG.order(host=instance.host, resource_id=port_id, payload=ref))
    return orders
