"""What the sagas of resizes share: the migration's row, and the server's row turned from one size to the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloudweb.database.clock import now
from cloudweb.exceptions import NotFound
from instances.block_devices import DestinationType
from instances.migration_states import MigrationStatus
from instances.models import BlockDevice, Migration
from instances.operations import ports
from instances.operations.rows import DISKS, block_devices_of, instance_of, write
from network.manager import PortManager
from operations.saga import Run, StepFailed

ROW = "migration"


def migration_of(run: Run) -> Migration:
    """Return the row that an operation is about; raise StepFailed where it is gone."""
    if ROW not in run.memory:
        found = Migration.objects.filter(pk=run.args["migration"]).first()
        if found is None:
            raise StepFailed("The migration is gone.")
        run.memory[ROW] = found
    row: Migration = run.memory[ROW]
    return row


def note(run: Run, **values: Any) -> None:
    """Change the migration's row."""
    Migration.objects.filter(pk=run.args["migration"]).update(updated_at=now(), **values)
    known = run.memory.get(ROW)
    for name, value in values.items() if known is not None else ():
        setattr(known, name, value)


def own_disks(run: Run) -> tuple[str, ...]:
    """Return what the disks of the server are called that are files of its host."""
    rows = (row for row in block_devices_of(run) if row.destination_type == DestinationType.LOCAL)
    return tuple("root" if row.is_root else row.name for row in rows)


def become_new(run: Run) -> None:
    """Let the server's row say the new size and the new host."""
    row = migration_of(run)
    _become(run, row.new, row.old, host=row.dest_host, zone=row.dest_zone)


def become_old(run: Run) -> None:
    """Let it say what it said before."""
    row = migration_of(run)
    _become(run, row.old, row.new, host=row.source_host, zone=row.source_zone)


def _become(
    run: Run, size: Mapping[str, Any], other: Mapping[str, Any], *, host: str, zone: str
) -> None:
    write(run, host=host, zone=zone, **size, **beyond(size, other))
    for disk in block_devices_of(run):
        if disk.is_root and disk.destination_type == DestinationType.LOCAL:
            BlockDevice.objects.filter(pk=disk.pk).update(size=size["disk"])
    run.memory.pop(DISKS, None)
    _bind(run, host)


def beyond(size: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, int]:
    """Return the columns of what a server of one size holds besides while it may become another."""
    return {f"more_{name}": max(0, other[name] - size[name]) for name in ("vcpus", "ram")}


NOTHING_BEYOND = {"more_vcpus": 0, "more_ram": 0}


def _bind(run: Run, host: str) -> None:
    """Let the server's ports be ports of that host."""
    instance, manager = instance_of(run), PortManager(run.context)
    for port_id in ports.port_ids(run):
        try:
            manager.bind(
                port_id,
                host=host,
                device_id=str(instance.id),
                device_owner=ports.device_owner(instance),
            )
        except NotFound:
            continue  # its user deleted it meanwhile


def end_live(row: Migration) -> None:
    """Note that a server is gone: what waited to be confirmed is confirmed by that, as in Nova."""
    was_finished = row.status in (MigrationStatus.FINISHED, MigrationStatus.CONFIRMING)
    status = MigrationStatus.CONFIRMED if was_finished else MigrationStatus.ERROR
    Migration.objects.filter(pk=row.pk).update(status=status, updated_at=now())
