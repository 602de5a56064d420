"""The parts of a database: a group that lets its clients in, a port, a server with a data volume."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.db.models import Q

from cloudweb.addresses import parse_block
from cloudweb.context import RequestContext
from cloudweb.exceptions import NotFound
from cloudweb.listing import Listing
from databases import conf
from databases.images import image_of
from databases.mailbox.user_data import user_data
from databases.models import DatabaseInstance
from databases.operations.rows import instance_of, parts_context, write
from instances.block_devices import DestinationType, SourceType
from instances.build_request import BlockDeviceRequest, BuildRequest, NetworkRequest
from instances.manager import InstanceManager
from instances.operations import CreateInstanceWithVolumes, DeleteInstance
from network.manager import (
    NetworkManager,
    PortManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
)
from operations.saga import Child, Run

PORTS = {"postgresql": 5432, "mariadb": 3306}
EVERYWHERE = ("0.0.0.0/0", "::/0")


def make_port(run: Run) -> None:
    """Make the group and the port by which clients reach the database."""
    instance = instance_of(run)
    context = parts_context(instance)
    groups = SecurityGroupManager(context)
    group = groups.create(name=f"database-{instance.id}", description="Clients of a database")
    let_in(context, group.id, instance)
    wish: dict[str, Any] = {}
    if instance.subnet_id is not None:
        wish["subnet_id"] = str(instance.subnet_id)
    if instance.wanted_address:
        wish["ip_address"] = instance.wanted_address
    port = PortManager(context).create(
        network_id=str(instance.network_id),
        name=f"database-{instance.id}",
        fixed_ips=[wish] if wish else None,
        security_group_ids=[group.id],
    )
    addresses = sorted(port.addresses.values_list("ip_address", flat=True))
    write(run, group_id=group.id, port_id=port.id, addresses=addresses)


def drop_port(run: Run) -> None:
    """Remove both, as far as they are there."""
    instance = instance_of(run)
    context = parts_context(instance)
    if instance.port_id is not None:
        with suppress(NotFound):
            PortManager(context).delete(instance.port_id)
    if instance.group_id is not None:
        with suppress(NotFound):
            SecurityGroupManager(context).delete(instance.group_id)
    write(run, group_id=None, port_id=None, addresses=[])


def let_in(context: RequestContext, group_id: Any, instance: DatabaseInstance) -> None:
    """Let clients in from where the tenant said; unasked from anywhere on a network that is its own alone."""
    rules = SecurityGroupRuleManager(context)
    port = PORTS[instance.version.manager]
    for cidr in instance.allowed_cidrs or _unasked(context, instance):
        version = parse_block(cidr).version
        rules.create(
            security_group_id=group_id,
            direction="ingress",
            ethertype=f"IPv{version}",
            protocol="tcp",
            port_range_min=port,
            port_range_max=port,
            remote_ip_prefix=cidr,
        )


def let_in_again(instance: DatabaseInstance) -> None:
    """Let clients in from where the tenant says now, and from nowhere else."""
    if instance.group_id is None:
        return
    context = parts_context(instance)
    rules = SecurityGroupRuleManager(context)
    ours = Q(security_group_id=instance.group_id, direction="ingress")
    for rule in rules.list(Listing(where=ours)).rows:
        rules.delete(rule.id)
    let_in(context, instance.group_id, instance)


def _unasked(context: RequestContext, instance: DatabaseInstance) -> tuple[str, ...]:
    network = NetworkManager(context).get(str(instance.network_id))
    is_own = network.project_id == instance.project_id and not (network.shared or network.external)
    return EVERYWHERE if is_own else ()


def build_server(run: Run) -> Child:
    """Build the server with its data volume, as another operation."""
    instance = instance_of(run)
    if instance.server_id is None:
        manager = InstanceManager(parts_context(instance))
        ((server,), _saga) = manager.record(_request(instance))
        (volume,) = manager.attached_volumes(str(server.id))
        write(run, server_id=server.id, volume_id=volume.volume_id)
        instance = instance_of(run)
    return Child(CreateInstanceWithVolumes, str(instance.server_id))


def drop_server(run: Run) -> Child | None:
    """Delete the server, and with it the volume."""
    instance = instance_of(run)
    if instance.server_id is None:
        return None
    return Child(DeleteInstance, str(instance.server_id))


def _request(instance: DatabaseInstance) -> BuildRequest:
    root = BlockDeviceRequest(source_id=image_of(instance.version))
    data = BlockDeviceRequest(
        source_type=SourceType.BLANK,
        destination_type=DestinationType.VOLUME,
        boot_index=None,
        size=instance.volume_size,
        volume_type=instance.volume_type or None,
        delete_on_termination=True,
    )
    return BuildRequest(
        name=f"database-{instance.id}",
        flavor_id=instance.flavor_id,
        block_devices=(root, data),
        networks=(NetworkRequest(port_id=str(instance.port_id)),),
        zone=instance.zone or None,
        user_data=user_data(instance) if conf.GUESTS != "fake" else None,
    )
