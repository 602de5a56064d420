"""Steps about a server's ports: make, plug, unplug, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudweb.context import RequestContext
from cloudweb.exceptions import NotFound
from cloudweb.rpc import Order
from instances.models import Instance
from instances.operations.rows import instance_of, write
from instances.states import TaskState
from network.manager import PortManager, SecurityGroupManager
from network.objects import PortStatus
from network.rpc import PLUG, UNPLUG
from operations.saga import Run


def device_owner(instance: Instance) -> str:
    """Return what ports of servers are owned by, with the zone as Neutron shows it."""
    return f"compute:{instance.zone or 'nova'}"


def create_ports(run: Run) -> dict[str, Any]:
    """Make the ports the user asked for, or take those it brought."""
    instance = instance_of(run)
    manager = PortManager(run.context)
    groups = SecurityGroupManager(run.context)
    wanted = [
        groups.resolve(name, instance.project_id).id for name in instance.security_groups
    ] or None
    ports = []
    for wish in instance.networks:
        if wish.get("port_id"):
            manager.bind(
                wish["port_id"],
                host=instance.host,
                device_id=str(instance.id),
                device_owner=device_owner(instance),
                hostname=instance.hostname.partition(".")[0],
            )
            ports.append({"id": wish["port_id"], "ours": False})
            continue
        address = wish.get("fixed_ip")
        port = manager.create_bound(
            caller=_caller(instance, wish),
            host=instance.host,
            device_id=str(instance.id),
            device_owner=device_owner(instance),
            hostname=instance.hostname.partition(".")[0],
            network_id=wish["network_id"],
            fixed_ips=[{"ip_address": address}] if address else None,
            security_group_ids=wanted,
        )
        ports.append({"id": str(port.id), "ours": True})
    write(run, ports=ports, task_state=TaskState.SPAWNING)
    return {"ports": [port["id"] for port in ports]}


def _caller(instance: Instance, wish: Mapping[str, Any]) -> RequestContext:
    """Return whom a port is made for, with the rights that counted when it was asked for."""
    roles = {"reader", "member"} | ({"admin"} if wish.get("by_admin") else set())
    return RequestContext(
        user_id=instance.user_id or None,
        project_id=instance.project_id,
        roles=frozenset(roles),
    )


def delete_ports(run: Run) -> None:
    """Delete the ports that were made for the server, and let go of those its user brought."""
    instance = instance_of(run)
    manager = PortManager(run.context)
    for port in instance.ports:
        try:
            if port["ours"]:
                manager.delete(port["id"])
            else:
                manager.unbind(port["id"])
        except NotFound:
            continue  # its user deleted it meanwhile
    write(run, ports=[])


def plug_ports(run: Run) -> list[Order]:
    """Order each port onto the host, filters first."""
    instance = instance_of(run)
    manager = PortManager(run.context)
    told = [manager.wiring(port_id) for port_id in instance.port_ids]
    return [PLUG.order(host=instance.host, resource_id=port.id, payload=port) for port in told]


def ports_plugged(run: Run, answers: list[Any]) -> None:
    """Note which ports are up; a port is ACTIVE before its server is."""
    manager = PortManager(run.context)
    for answer in answers:
        status = answer.get("data", {}) if isinstance(answer, dict) else {}
        if "id" in status:
            plugged = PortStatus.load(answer)
            manager.set_status(plugged.id, "ACTIVE", groups=plugged.groups)


def unplug_ports(run: Run) -> list[Order]:
    """Order each port off the host; nothing for a server that has none or never had a host."""
    instance = instance_of(run)
    manager = PortManager(run.context)
    orders = []
    for port_id in instance.port_ids if instance.host else ():
        try:
            ref = manager.ref(port_id)
        except NotFound:
            continue  # its user deleted it; the network app took it off the host
        manager.set_status(port_id, "DOWN")
        orders.append(UNPLUG.order(host=instance.host, resource_id=port_id, payload=ref))
    return orders
