"""What of a guest's specification its host may write down."""

from __future__ import annotations

from compute.objects import GuestDisk, GuestSpec


def to_keep(spec: GuestSpec) -> GuestSpec:
    """Return it without what stays in memory: user data, which is on a disk already, and keys of disks."""
    disks = tuple(_without_key(disk) for disk in spec.disks)
    return spec.model_copy(update={"config_drive": None, "disks": disks})


def _without_key(disk: GuestDisk) -> GuestDisk:
    if disk.source is None or not disk.source.passphrase:
        return disk
    source = disk.source.model_copy(update={"passphrase": ""})
    return disk.model_copy(update={"source": source})
