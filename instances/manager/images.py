"""Images that are made of servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.policy import policy
from compute.manager import HostManager
from image.manager import ImageManager
from instances import images, mapped_images
from instances.actions.images import CREATE_BACKUP, CREATE_IMAGE
from instances.actions.record import InstanceAction
from instances.block_devices import ROOT
from instances.exceptions import NoImagesOfServers
from instances.items import check_items
from instances.manager.acting import InstanceActs
from instances.models import BlockDevice, Instance
from instances.operations import ImageOfVolumes
from operations.noting import note_done
from volume.manager import SnapshotManager, VolumeManager

#: The capability of a hypervisor that copies disks.
CAPABILITY = "snapshots"
DISK = {"disk_format": "qcow2", "container_format": "bare"}


class InstanceImages(InstanceActs):
    """Makes images of servers."""

    @policy(CREATE_IMAGE.policy)
    def create_image(
        self, instance_id: str, *, name: str = "", metadata: Mapping[str, str] | None = None
    ) -> str:
        """Record an image and start copying the server's disk there; return the image's id.

        Raises NoImagesOfServers, MetadataLimit, and what stands against a new image: QuotaExceeded.
        """
        return self._make_image(instance_id, CREATE_IMAGE, name=name, metadata=metadata or {})

    @policy(CREATE_BACKUP.policy)
    def create_backup(
        self,
        instance_id: str,
        *,
        name: str,
        backup_type: str,
        rotation: int,
        metadata: Mapping[str, str] | None = None,
    ) -> str:
        """Record an image of a kind ("daily"), of which ``rotation`` are kept, and start making it.

        Raises BadRequest for a server that boots from a volume, else as ``create_image`` does.
        """
        root = BlockDevice.objects.filter(instance_id=self.get(instance_id).id, boot_index=0)
        if root.filter(volume_id__isnull=False).exists():
            raise BadRequest("Backup is not supported for volume-backed instances.")
        return self._make_image(
            instance_id,
            CREATE_BACKUP,
            name=name,
            metadata=metadata or {},
            rotation=rotation,
            image_type="backup",
            backup_type=backup_type,
        )

    def _make_image(
        self,
        instance_id: str,
        action: InstanceAction,
        *,
        name: str,
        metadata: Mapping[str, str],
        rotation: int | None = None,
        **said: str,
    ) -> str:
        with transaction.atomic():
            key = self._take(instance_id, action)
            instance = Instance.objects.get(id=key)
            check_items(metadata, instance.project_id)
            disks = list(BlockDevice.objects.filter(instance_id=key))
            known = self._known(instance, disks)
            wanted = images.attributes(
                instance,
                known,
                name=name or f"{instance.name}-{now():%Y-%m-%d-%H-%M-%S}",
                metadata=metadata,
                roles=self.context.roles,
                **said,
            )
            if self.context.project_id is None:  # an operator of the whole cloud
                wanted["owner"] = instance.project_id
            if any(disk.is_root and disk.volume_id for disk in disks):
                return self._image_of_volumes(instance, action, disks, wanted)
            return self._image_of_disk(instance, action, wanted, known, rotation)

    def _image_of_disk(
        self,
        instance: Instance,
        action: InstanceAction,
        wanted: Mapping[str, Any],
        known: Mapping[str, Any],
        rotation: int | None,
    ) -> str:
        assert action.saga is not None
        check_able(self.context, instance)
        image = ImageManager(self.context).create(attributes={**wanted, **DISK})
        Instance.objects.filter(id=instance.id).update(task_state=action.task_state)
        args = {
            "image_id": str(image.id),
            "must_freeze": _is_yes(known, images.MUST_FREEZE),
            **({} if rotation is None else {"rotation": rotation}),
        }
        action.saga.start(self.context, resource_id=str(instance.id), args=args)
        return str(image.id)

    def _image_of_volumes(
        self,
        instance: Instance,
        action: InstanceAction,
        disks: Sequence[BlockDevice],
        wanted: Mapping[str, Any],
    ) -> str:
        """Record snapshots of all its volumes and an image that names them."""
        name = wanted["name"]
        volumes = [disk.volume_id for disk in disks if disk.volume_id is not None]
        made, together = SnapshotManager(self.context).record_together(
            volumes, name=f"snapshot for {name}"[:255]
        )
        snapshots = {snapshot.volume_id: snapshot.id for snapshot in made}
        said = {
            mapped_images.MAPPING: mapped_images.mapping(disks, snapshots),
            "bdm_v2": "True",
            "root_device_name": f"/dev/{ROOT}",
        }
        image = ImageManager(self.context).create(attributes={**wanted, **said, **DISK})
        args = {"together": together}
        ImageOfVolumes.start(self.context, resource_id=str(image.id), args=args)
        note_done(
            self.context, kind=action.kind, resource_type="instance", resource_id=str(instance.id)
        )
        return str(image.id)

    def _known(self, instance: Instance, disks: Sequence[BlockDevice]) -> Mapping[str, Any]:
        """Return what the image says that a server was made of, as far as it is still there."""
        root = next((disk for disk in disks if disk.is_root), None)
        try:
            if root is not None and root.volume_id is not None:
                facts: Mapping[str, Any] = (
                    VolumeManager(self.context).get(str(root.volume_id)).image_metadata
                )
                return facts
            image = ImageManager(self.context).get(instance.image_id)
        except NotFound:
            return {}
        numbers = {"min_disk": image.min_disk, "min_ram": image.min_ram}
        return {**image.shown_properties, **numbers}


def check_able(context: RequestContext, instance: Instance) -> None:
    """Raise NoImagesOfServers where a server's host copies no disks."""
    if not HostManager(context).is_able(instance.host, CAPABILITY):
        raise NoImagesOfServers


def _is_yes(known: Mapping[str, Any], name: str) -> bool:
    return str(known.get(name, "")).strip().lower() in ("yes", "true", "1", "on")
