"""Images that are made of servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.exceptions import NotFound
from cloudweb.policy import policy
from compute.manager import HostManager
from image.manager import ImageManager
from instances import images
from instances.actions.images import CREATE_IMAGE
from instances.actions.record import InstanceAction
from instances.exceptions import NoImagesOfServers
from instances.items import check_items
from instances.manager.acting import InstanceActs
from instances.models import Instance

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

    def _make_image(
        self,
        instance_id: str,
        action: InstanceAction,
        *,
        name: str,
        metadata: Mapping[str, str],
        **said: str,
    ) -> str:
        assert action.saga is not None
        with transaction.atomic():
            key = self._take(instance_id, action, task_state=action.task_state)
            instance = Instance.objects.get(id=key)
            check_items(metadata, instance.project_id)
            if not HostManager(self.context).is_able(instance.host, CAPABILITY):
                raise NoImagesOfServers
            known = self._known(instance)
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
            image = ImageManager(self.context).create(attributes={**wanted, **DISK})
            args = {"image_id": str(image.id), "must_freeze": _is_yes(known, images.MUST_FREEZE)}
            action.saga.start(self.context, resource_id=str(key), args=args)
        return str(image.id)

    def _known(self, instance: Instance) -> Mapping[str, Any]:
        """Return what the image says that a server was made of, as far as it is still there."""
        try:
            image = ImageManager(self.context).get(instance.image_id)
        except NotFound:
            return {}
        numbers = {"min_disk": image.min_disk, "min_ram": image.min_ram}
        return {**image.shown_properties, **numbers}


def _is_yes(known: Mapping[str, Any], name: str) -> bool:
    return str(known.get(name, "")).strip().lower() in ("yes", "true", "1", "on")
