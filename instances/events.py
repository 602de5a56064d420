"""What servers hear from below: guests that changed by themselves, projects about to be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.events import on
from cloudweb.exceptions import NotFound, PolicyNotAuthorized
from cloudweb.holdings import hangs_on
from cloudweb.identifiers import as_uuid
from compute.events import GuestChanged, GuestsMoving, GuestsSeen
from instances.block_devices import DiskStatus
from instances.exceptions import PortOfSuspendedServer
from instances.migration_states import MigrationStatus, MigrationType
from instances.models import BlockDevice, Instance, InstancePort, Migration
from instances.operations import (
    DetachInterface,
    DetachVolume,
    ExtendVolumeInGuest,
    LimitVolumeInGuest,
)
from instances.states import POWER_STATES, SETTLES, PowerState, TaskState, VmState, settled
from network.events import DeviceNamed, MilestoneReached, PortDeleted
from network.manager import PortManager
from volume.events import VolumeExtended, VolumeRetyped, VolumeTaken

log = structlog.get_logger(__name__)


@hangs_on("project")
def count_servers(project_id: str) -> Mapping[str, int]:
    """Return how many servers a project has: it is not deleted while it has any."""
    return {"servers": Instance.objects.alive().filter(project_id=project_id).count()}


@hangs_on("image")
def count_shelved(image_id: str) -> Mapping[str, int]:
    """Return how many servers have their disk in an image alone."""
    return {"shelved servers": Instance.objects.alive().filter(shelved_image_id=image_id).count()}


@hangs_on("host")
def count_servers_on(host: str) -> Mapping[str, int]:
    """Return how many servers are on a host."""
    return {"servers": Instance.objects.alive().filter(host=host).count()}


#: A server that goes takes its ports with it.
ENDING = (TaskState.DELETING, TaskState.SOFT_DELETING)


@on(PortDeleted)
def forget_port(gone: PortDeleted) -> None:
    """Let a server know that its user deleted one of its ports; raise PortOfSuspendedServer where it cannot go."""
    server_id = as_uuid(gone.device_id)
    if server_id is None or not gone.device_owner.startswith("compute:"):
        return
    card = InstancePort.objects.filter(instance_id=server_id, port_id=gone.ref.id)
    if not card.exists():
        return
    rows = Instance.objects.filter(id=server_id)
    server = locked(rows).get()
    in_memory = server.vm_state == VmState.SUSPENDED or server.task_state == TaskState.SUSPENDING
    if in_memory and server.task_state not in ENDING:
        raise PortOfSuspendedServer(gone.ref.id, server_id)
    card.delete()
    rows.update(updated_at=now())
    if server.host and server.vm_state != VmState.DELETED:  # its guest has the card still
        DetachInterface.start(
            RequestContext.system(), resource_id=str(server_id), args={"port": gone.ref.id}
        )


@on(VolumeExtended)
def show_new_size(grown: VolumeExtended) -> None:
    """Let the guests that have a volume see that it has grown."""
    rows = BlockDevice.objects.filter(volume_id=grown.volume_id, status=DiskStatus.ATTACHED)
    rows.update(size=grown.size)
    for device, instance_id in rows.values_list("pk", "instance_id"):
        ExtendVolumeInGuest.start(
            RequestContext.system(),
            resource_id=str(instance_id),
            args={"device": device, "size": grown.size},
        )


@on(VolumeRetyped)
def hold_to_limits(retyped: VolumeRetyped) -> None:
    """Hold the guests that have a volume to what its new type says."""
    rows = BlockDevice.objects.filter(volume_id=retyped.volume_id, status=DiskStatus.ATTACHED)
    for device, instance_id in rows.values_list("pk", "instance_id"):
        LimitVolumeInGuest.start(
            RequestContext.system(), resource_id=str(instance_id), args={"device": device}
        )


@on(VolumeTaken)
def forget_volume(taken: VolumeTaken) -> None:
    """Take from a server's guest what an operator cut off; what it waits for comes first."""
    rows = BlockDevice.objects.filter(attachment_id=taken.attachment_id)
    for row in rows.exclude(boot_index=0):
        DetachVolume.start(
            RequestContext.system(), resource_id=str(row.instance_id), args={"device": row.pk}
        )


@on(DeviceNamed)
def keep_foreign_ports_away(named: DeviceNamed) -> None:
    """Refuse a tenant's port that says it is the card of another project's server."""
    server_id = as_uuid(named.device_id)
    servers = Instance.objects.filter(id=server_id) if server_id else Instance.objects.none()
    if servers.exclude(project_id=named.project_id).exists():
        raise PolicyNotAuthorized("network:ports:set_other_device")


@on(MilestoneReached)
def guest_got_further(reached: MilestoneReached) -> None:
    """Note what a guest did for the first time: asked for its address, fetched its metadata."""
    milestone = reached.milestone
    try:
        port = PortManager(RequestContext.system()).get(milestone.port_id)
    except NotFound:
        return  # it was unplugged meanwhile
    owner = Instance.objects.find_owner(port)
    if owner is None or port.host != reached.host:
        return
    with transaction.atomic():
        instance = locked(Instance.objects.alive().filter(id=owner.id)).first()
        if instance is not None and milestone.kind not in instance.milestones:
            seen = {**instance.milestones, milestone.kind: milestone.at}
            Instance.objects.filter(id=instance.id).update(milestones=seen)


#: What a host sees counts for servers that rested for so long before: the rest is under way.
RESTED = timedelta(seconds=5)


@on(GuestsSeen)
def compare_guests(seen: GuestsSeen) -> None:
    """Take what a host has as news where its servers should be otherwise; a guest that is gone is off."""
    rest = (VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED)
    rows = Instance.objects.filter(host=seen.host, task_state=None, vm_state__in=rest)
    for server_id, vm_state in rows.filter(updated_at__lt=seen.at - RESTED).values_list(
        "id", "vm_state"
    ):
        found = seen.guests.get(str(server_id), "shutdown")
        power = POWER_STATES.get(found, PowerState.NOSTATE)
        if settled(vm_state, power):
            guest_changed(GuestChanged(seen.host, str(server_id), found))


@on(GuestsSeen)
def complete_evacuations(seen: GuestsSeen) -> None:
    """Note that a host which came back has nothing any more of servers that were moved from it."""
    here = [key for guest in seen.guests if (key := as_uuid(guest)) is not None]
    moved = Migration.objects.filter(
        source_host=seen.host,
        migration_type=MigrationType.EVACUATION,
        status=MigrationStatus.DONE,
    )
    left = moved.exclude(instance_id__in=here)
    if left.exists():  # most of the time there is nothing to write
        left.update(status=MigrationStatus.COMPLETED, updated_at=now())


@on(GuestChanged)
def guest_changed(change: GuestChanged) -> None:
    """Show that a guest stopped or started by itself; believed only of servers on that host."""
    power = POWER_STATES.get(change.power_state, PowerState.NOSTATE)
    server_id = as_uuid(change.guest_id)
    if server_id is None:
        return
    here = Instance.objects.filter(id=server_id, host=change.host)
    rows = here.filter(task_state=None)
    found = next((one for one in SETTLES if power in one[0]), None)
    if found:
        _, old, new = found
        changed = rows.filter(vm_state__in=old).update(
            vm_state=new, power_state=power, updated_at=now()
        ) or rows.filter(vm_state=VmState.RESIZED).exclude(power_state=power).update(
            power_state=power, updated_at=now()
        )
    else:
        changed = rows.update(power_state=power, updated_at=now())
    if not changed:  # what is in error or rescued stays it
        stays = (VmState.RESCUED, VmState.ERROR)
        changed = rows.filter(vm_state__in=stays).update(power_state=power, updated_at=now())
    if not changed:  # it counts if what is done to the server fails
        here.exclude(task_state=None).update(power_state=power)
    if changed:
        log.info(
            "guest changed by itself",
            instance_id=change.guest_id,
            host=change.host,
            state=change.power_state,
        )


@on(GuestsMoving)
def guests_moving(told: GuestsMoving) -> None:
    """Note how far live migrations are; believed only of guests that leave that host."""
    for one in told.guests:
        server_id = as_uuid(one.id)
        if server_id is not None:
            Migration.objects.filter(
                instance_id=server_id, source_host=told.host, status=MigrationStatus.RUNNING
            ).update(progress=one.model_dump(), updated_at=now())
