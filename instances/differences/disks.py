"""Volumes that guests lack, or have and should not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cloudweb.rpc import Order
from compute.objects import AttachDiskRequest, DetachDiskRequest, SeenGuest
from compute.rpc import ATTACH_DISK, DETACH_DISK
from instances.block_devices import DiskStatus
from instances.conf import DETACH_TIMEOUT
from instances.differences.resting import find_resting
from instances.models import BlockDevice, Instance
from instances.operations.volumes import served
from operations.saga import Run
from reconciliation import conf
from reconciliation.kinds import Finding, Kind, declare

if TYPE_CHECKING:
    from reconciliation.models import Difference

MISSING, UNKNOWN = "disk_missing", "disk_unknown"


def find_disks(
    guests: Mapping[str, SeenGuest], rest: Mapping[str, Instance]
) -> Mapping[str, list[Finding]]:
    """Compare the attached disks of running guests with their servers' volumes."""
    found: dict[str, list[Finding]] = {MISSING: [], UNKNOWN: []}
    volumes: defaultdict[str, dict[str, BlockDevice]] = defaultdict(dict)
    for row in BlockDevice.objects.filter(instance_id__in=[*guests]).exclude(volume_id=None):
        volumes[str(row.instance_id)][row.known_as] = row
    for server_id, guest in guests.items():
        server, facts = rest[server_id], {"server": server_id}
        for serial, row in volumes[server_id].items():
            if serial not in guest.disks and row.status == DiskStatus.ATTACHED:
                sentence = f"Server {server.name} runs without its volume {row.volume_id}."
                found[MISSING].append(
                    Finding(serial, sentence, server_id, {**facts, "device": row.pk})
                )
        for serial in guest.disks:
            if serial not in volumes[server_id]:
                sentence = (
                    f"Server {server.name} has a disk {serial}, which is no volume of its own."
                )
                found[UNKNOWN].append(Finding(serial, sentence, server_id, facts))
    return found


def _server(difference: Difference) -> Instance | None:
    return find_resting(difference.facts["server"], difference.host)


def _row(difference: Difference) -> BlockDevice | None:
    rows = BlockDevice.objects.filter(pk=difference.facts["device"], status=DiskStatus.ATTACHED)
    return rows.first()


def _lacks(difference: Difference) -> bool:
    return _server(difference) is not None and _row(difference) is not None


def _has_too_many(difference: Difference) -> bool:
    server = _server(difference)
    if server is None:
        return False
    rows = BlockDevice.objects.filter(instance=server).exclude(volume_id=None)
    return difference.subject not in {row.known_as for row in rows}


def _attach(run: Run, difference: Difference) -> Order | None:
    server, row = _server(difference), _row(difference)
    disk = served(run, row, row.attachment_id) if row is not None else None
    if server is None or disk is None:
        return None
    request = AttachDiskRequest(id=str(server.id), name=server.hypervisor_name, disk=disk)
    return ATTACH_DISK.order(host=server.host, resource_id=request.id, payload=request)


def _detach(_run: Run, difference: Difference) -> Order | None:
    server = _server(difference)
    if server is None:
        return None
    request = DetachDiskRequest(
        id=str(server.id),
        name=server.hypervisor_name,
        serial=difference.subject,
        timeout=DETACH_TIMEOUT,
    )
    return DETACH_DISK.order(host=server.host, resource_id=request.id, payload=request)


declare(
    Kind(
        name=MISSING,
        title="Volume missing in a guest",
        remedy="The volume is plugged into the guest.",
        is_true=_lacks,
        heal=_attach,
        resource_type="instance",
    ),
    Kind(
        name=UNKNOWN,
        title="Disk of no volume",
        remedy="The disk is taken from the guest.",
        is_true=_has_too_many,
        heal=_detach,
        hold=conf.HOLD,
        resource_type="instance",
    ),
)
