"""Servers as rows, without a cloud around them: for tests of what REST says and refuses."""

from __future__ import annotations

from typing import Any

from cloudweb.database.clock import now
from compute.models import Flavor
from identity.models import User
from image.models import Image
from instances.block_devices import DestinationType, SourceType
from instances.build_request import BlockDeviceRequest, BuildRequest, NetworkRequest
from instances.migration_states import MigrationStatus, MigrationType
from instances.models import BlockDevice, Instance, InstancePort, Migration
from instances.operations.rows import flavor_of
from instances.states import PowerState, VmState
from network.models import Network, Port
from tests.builders.volumes import attach
from volume.models import Volume


def make_server(user: User, **overrides: Any) -> Instance:
    """Return an ACTIVE server of the user's default project that has run."""
    facts: dict[str, Any] = {
        "name": "vm1",
        "hostname": "vm1",
        "project_id": user.default_project_id,
        "user_id": user.pk,
        "vm_state": VmState.ACTIVE,
        "power_state": PowerState.RUNNING,
        "flavor_id": "1",
        "flavor_name": "m1.tiny",
        "vcpus": 1,
        "ram": 512,
        "disk": 1,
        "launched_at": now(),
        "reservation_id": "r-12345678",
    }
    server = Instance.objects.create(**facts | overrides)
    if server.vm_state == VmState.RESIZED:
        give_migration(server)
    return server


def give_migration(server: Instance, **overrides: Any) -> Migration:
    """Record that a server was resized, and waits for its confirmation."""
    facts: dict[str, Any] = {
        "migration_type": MigrationType.RESIZE,
        "status": MigrationStatus.FINISHED,
        "source_host": server.host,
        "dest_host": server.host,
        "vm_state": VmState.ACTIVE,
        "old": flavor_of(server),
        "new": flavor_of(server),
        "project_id": server.project_id,
        "user_id": server.user_id,
    }
    return Migration.objects.create(instance=server, **facts | overrides)


def make_live_migration(server: Instance, **overrides: Any) -> Migration:
    """Record that a server is going to another host while it runs."""
    facts: dict[str, Any] = {
        "migration_type": MigrationType.LIVE,
        "status": MigrationStatus.RUNNING,
        "source_host": server.host,
        "dest_host": "h2",
    }
    return give_migration(server, **facts | overrides)


def wanted_server(flavor: Flavor, image: Image, *networks: Network) -> BuildRequest:
    """Return what a manager is asked for to make a server with a card on each network."""
    return BuildRequest(
        name="vm",
        flavor_id=flavor.id,
        block_devices=(BlockDeviceRequest(source_id=str(image.id)),),
        networks=tuple(NetworkRequest(network_id=str(one.id)) for one in networks),
    )


def give_port(server: Instance, port: Port) -> InstancePort:
    """Make a port, as if it was made for the server, its next card."""
    return InstancePort.objects.create(
        instance=server,
        position=server.ports.count(),
        port_id=port.id,
        network_id=port.network_id,
    )


def give_volume(server: Instance, volume: Volume, **overrides: Any) -> BlockDevice:
    """Record that a server has a volume."""
    held = attach(volume, instance_id=server.id)
    facts: dict[str, Any] = {
        "source_type": SourceType.VOLUME,
        "source_id": volume.id,
        "destination_type": DestinationType.VOLUME,
        "size": volume.size,
        "delete_on_termination": False,
        "volume_id": volume.id,
        "attachment_id": held.id,
        "device": f"vd{chr(ord('b') + server.block_devices.count())}",
    }
    return BlockDevice.objects.create(instance=server, **facts | overrides)
