"""Ports and volumes of a server that goes to another host while it runs.

The new host has the ports before they are bound to it, and reaches the volumes by attachments of their own
(twins) beside those of the old host. Who does not have the guest in the end loses both.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from cloudweb.exceptions import NotFound
from cloudweb.rpc import Order
from compute.objects import GuestSpec
from instances.block_devices import DiskStatus
from instances.migration_states import DESTINATION
from instances.models import BlockDevice
from instances.operations import ports
from instances.operations.guest import cells_of, guest_spec
from instances.operations.migration_rows import migration_of, note
from instances.operations.rows import DISKS, block_devices_of
from instances.operations.volumes import held_volumes, served
from network.manager import PortManager
from network.objects import PortRef
from network.rpc import PLUG, UNPLUG
from operations.saga import Run, StepFailed
from volume.manager import AttachmentManager, TwinManager


def plan(run: Run, **values: Any) -> None:
    """Add to how the migration is done."""
    note(run, plan={**migration_of(run).plan, **values})


def twins_of(run: Run) -> Mapping[str, Mapping[str, str]]:
    """Return, by the numbers of the disks' rows, the attachments of the ``old`` host and the ``new`` one."""
    found: Mapping[str, Mapping[str, str]] = migration_of(run).plan.get("twins", {})
    return found


def hold(run: Run) -> None:
    """Give each volume a second attachment, and write down which ports there are."""
    manager, network = TwinManager(run.context), PortManager(run.context)
    twins = {
        str(row.pk): {
            "old": str(row.attachment_id),
            "new": str(manager.begin(row.attachment_id).id),
        }
        for row in held_volumes(run)
        if row.attachment_id is not None and row.status == DiskStatus.ATTACHED
    }
    refs = [network.ref(port_id).dump() for port_id in ports.port_ids(run)]
    plan(run, twins=twins, ports=refs)


def let_go(run: Run) -> None:
    """Let the server have the attachments and ports of one host alone."""
    manager, network = TwinManager(run.context), PortManager(run.context)
    keeps, loses = ("new", "old") if migration_of(run).has_it == DESTINATION else ("old", "new")
    for twin in twins_of(run).values():
        manager.stay_alone(twin[keeps], twin[loses])
    for port_id in ports.port_ids(run):
        with suppress(NotFound):  # its user deleted it
            network.settle(port_id)


def share(run: Run) -> list[Order]:
    """Order the volumes to be reached by another host, too, from now on."""
    manager = TwinManager(run.context)
    return [manager.share_order(twin["old"]) for twin in twins_of(run).values()]


def connect_there(run: Run) -> list[Order]:
    """Order ports and volumes to be on the new host before the guest is."""
    host, network = migration_of(run).dest_host, PortManager(run.context)
    told = [network.expect(port_id, host) for port_id in ports.port_ids(run)]
    manager = AttachmentManager(run.context)
    return [
        *(PLUG.order(host=host, resource_id=port.id, payload=port) for port in told),
        *(manager.export_order(twin["new"], host) for twin in twins_of(run).values()),
    ]


def spec_there(run: Run) -> GuestSpec:
    """Return the guest as the new host shall have it; raise StepFailed where a volume is not served there."""
    spec, twins = guest_spec(run, has_disks=True), twins_of(run)
    disks = {}
    for row in block_devices_of(run):
        if (twin := twins.get(str(row.pk))) is not None:
            disk = served(run, row, twin["new"])
            if disk is None:
                raise StepFailed("A volume of the server is not served on its new host.")
            disks[row.known_as] = disk
    return in_cells_there(run, spec).model_copy(
        update={
            "disks": tuple(
                disks.get(disk.serial, disk) if disk.source else disk for disk in spec.disks
            )
        }
    )


def in_cells_there(run: Run, spec: GuestSpec) -> GuestSpec:
    """Return the guest where it shall lie in the new host's NUMA cells; its own are what it has."""
    return spec.model_copy(update={"cells": cells_of(migration_of(run).new.get("cells"))})


def take_over(run: Run) -> None:
    """Let the server's disks be what the new host reaches."""
    for key, twin in twins_of(run).items():
        BlockDevice.objects.filter(pk=int(key), attachment_id=twin["old"]).update(
            attachment_id=twin["new"]
        )
    run.memory.pop(DISKS, None)


def leave_other(run: Run) -> list[Order]:
    """Order ports and volumes off the host that does not have the guest."""
    row, manager = migration_of(run), AttachmentManager(run.context)
    came = row.has_it == DESTINATION
    host, loses = (row.source_host, "old") if came else (row.dest_host, "new")
    refs = [PortRef.load(one) for one in row.plan.get("ports", ())]
    orders = [UNPLUG.order(host=host, resource_id=ref.id, payload=ref) for ref in refs]
    for twin in twins_of(run).values():
        with suppress(NotFound):  # an operator took it away
            order = manager.unexport_order(twin[loses])
            orders += [order] if order is not None else []
    return orders
