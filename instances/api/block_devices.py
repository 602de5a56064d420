"""From what the body of POST /servers says about disks, in three ways, to what the manager is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from cloudweb.exceptions import BadRequest
from instances.api.serializers.server_bodies import BlockDevice, OlderBlockDevice, ServerCreate
from instances.block_devices import DestinationType, SourceType
from instances.build_request import BlockDeviceRequest
from instances.exceptions import BlockDeviceInvalid

_IN_VOLUMES = (SourceType.VOLUME, SourceType.SNAPSHOT)


def block_devices(body: ServerCreate) -> tuple[BlockDeviceRequest, ...]:
    """Return the disks, the one to boot from first; raise BlockDeviceInvalid or BadRequest.

    ``imageRef`` is a disk on the host to boot from, which mappings may say again.
    """
    if body.block_device_mapping and body.block_device_mapping_v2:
        raise BadRequest(
            "Using different block_device_mapping syntaxes is not allowed in the same request."
        )
    older = [one for one in body.block_device_mapping if not one.no_device]
    newer = [one for one in body.block_device_mapping_v2 if not one.no_device]
    disks = [*_older(older), *(_newer(one) for one in newer)]
    image_id = (body.imageRef or "").rsplit("/", 1)[-1]
    if image_id:
        same = [disk for disk in disks if _is_image_on_host(disk, image_id)]
        root = same[-1] if same else BlockDeviceRequest(source_id=image_id)
        disks = [root, *(disk for disk in disks if disk not in same)]
    if not image_id and not disks:
        raise BadRequest("Invalid imageRef provided.")
    if not image_id and len(disks) == 1 and disks[0].boot_index is None:
        raise BlockDeviceInvalid("it has no disk to boot from.")
    return tuple(sorted(disks, key=lambda disk: (disk.boot_index is None, disk.boot_index or 0)))


def _is_image_on_host(disk: BlockDeviceRequest, image_id: str) -> bool:
    """Tell whether a disk is what imageRef says; one of another image is not."""
    is_local = disk.source_type == SourceType.IMAGE and not disk.is_in_volume
    if is_local and disk.source_id != image_id:
        raise BlockDeviceInvalid("its image is not imageRef.")
    return is_local


def _newer(disk: BlockDevice) -> BlockDeviceRequest:
    source = SourceType(disk.source_type or SourceType.IMAGE)
    default = DestinationType.VOLUME if source in _IN_VOLUMES else DestinationType.LOCAL
    destination = DestinationType(disk.destination_type or default)
    boot_index = disk.boot_index
    if boot_index is None and source == SourceType.IMAGE and destination == DestinationType.LOCAL:
        boot_index = 0
    return BlockDeviceRequest(
        source_id=str(disk.uuid) if disk.uuid else None,
        source_type=source,
        destination_type=destination,
        boot_index=None if boot_index is None or boot_index < 0 else boot_index,
        size=disk.volume_size,
        volume_type=disk.volume_type,
        delete_on_termination=disk.delete_on_termination,
        device=disk.device_name,
        tag=disk.tag,
    )


def _older(disks: Sequence[OlderBlockDevice]) -> Sequence[BlockDeviceRequest]:
    """Read the first version of mappings, where the disk to boot from is known by its name."""
    found = []
    for disk in disks:
        if disk.virtual_name is not None or (disk.volume_id is None and disk.snapshot_id is None):
            raise BlockDeviceInvalid("each needs a volume_id or a snapshot_id.")
        is_root = (disk.device_name or "").rpartition("/")[2] in ("vda", "sda")
        found.append(
            BlockDeviceRequest(
                source_id=str(disk.volume_id or disk.snapshot_id),
                source_type=SourceType.VOLUME if disk.volume_id else SourceType.SNAPSHOT,
                destination_type=DestinationType.VOLUME,
                boot_index=0 if is_root else None,
                size=disk.volume_size,
                delete_on_termination=disk.delete_on_termination,
                device=disk.device_name,
            )
        )
    return found
