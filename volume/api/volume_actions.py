"""What can be done to a volume: POST /volumes/{id}/action (contract 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.microversions import ALWAYS, Versions
from cloudweb.microversions.volume import since
from volume.api.serializers import volume_actions as wire
from volume.manager import (
    ClassicAttachments,
    ConnectionManager,
    ImageWish,
    SnapshotManager,
    StuckAttachments,
    VolumeManager,
)

#: From here on a volume is extended in use, too.
IN_USE = since(42)
#: Actions that came later.
SINCE: Mapping[str, Versions] = {"revert": since(40), "os-reimage": since(68)}


class VolumeActionViewSet(ServiceViewSet):
    """The actions, each a method that is named after its key."""

    manager: ClassVar[type[VolumeManager]] = VolumeManager

    @extend_schema(
        operation_id="volumes_action",
        request=wire.VolumeAction,
        responses={
            200: wire.VolumeActionShown,
            202: within("os-volume_upload_image", wire.UploadShown),
        },
    )
    def act(self, request: Request, volume_id: str) -> Response:
        """Do the one thing the body names."""
        body = request.data
        if not isinstance(body, Mapping) or len(body) != 1:
            raise BadRequest("Malformed request body: it must hold exactly one action.")
        name, value = next(iter(body.items()))
        if name not in wire.BODIES:
            raise BadRequest(f"There is no such action: {str(name)[:64]}")
        if self.version not in SINCE.get(name, ALWAYS):
            raise NotFound
        said = self.validated(wire.BODIES[name], {} if value is None else value)
        do: Callable[[str, Any], Response] = getattr(self, f"_{name.removeprefix('os-')}")
        return do(volume_id, said)

    def _extend(self, volume_id: str, said: wire.Extend) -> Response:
        in_use = self.version in IN_USE
        self.manager(self.context).extend(volume_id, size=said.new_size, in_use=in_use)
        return empty(202)

    def _volume_upload_image(self, volume_id: str, said: wire.UploadImage) -> Response:
        wanted = ImageWish(name=said.image_name, **said.model_dump(exclude={"image_name"}))
        volume, image_id = self.manager(self.context).upload(volume_id, wanted)
        row = wire.Uploading(volume, wanted, image_id)
        answer = {"os-volume_upload_image": self.shown(wire.UploadShown, row)}
        return Response(answer, status=202)

    def _set_bootable(self, volume_id: str, said: wire.SetBootable) -> Response:
        self.manager(self.context).set_bootable(volume_id, bootable=said.bootable)
        return empty(200)

    def _update_readonly_flag(self, volume_id: str, said: wire.ReadOnlyFlag) -> Response:
        self.manager(self.context).set_read_only(volume_id, read_only=said.readonly)
        return empty(202)

    def _reset_status(self, volume_id: str, said: wire.ResetStatus) -> Response:
        self.manager(self.context).reset_status(volume_id, **said.said())
        return empty(202)

    def _force_delete(self, volume_id: str, _: wire.Nothing) -> Response:
        self.manager(self.context).delete(volume_id, force=True)
        return empty(202)

    def _migrate_volume(self, volume_id: str, said: wire.Migrate) -> Response:
        self.manager(self.context).migrate(volume_id, host=said.host, lock=said.lock_volume)
        return empty(202)

    def _retype(self, volume_id: str, said: wire.Retype) -> Response:
        self.manager(self.context).retype(
            volume_id, new_type=said.new_type, migration_policy=said.migration_policy
        )
        return empty(202)

    def _unmanage(self, volume_id: str, _: wire.Nothing) -> Response:
        self.manager(self.context).unmanage(volume_id)
        return empty(202)

    def _reserve(self, volume_id: str, _: wire.Nothing) -> Response:
        ClassicAttachments(self.context).hold(volume_id)
        return empty(202)

    def _unreserve(self, volume_id: str, _: wire.Nothing) -> Response:
        ClassicAttachments(self.context).let_go(volume_id)
        return empty(202)

    def _attach(self, volume_id: str, said: wire.Attach) -> Response:
        if (said.instance_uuid is None) == (said.host_name is None):
            raise BadRequest("It is attached to one of instance_uuid and host_name.")
        ClassicAttachments(self.context).attach(
            volume_id,
            instance_id=said.instance_uuid,
            host=said.host_name,
            device=said.mountpoint,
            mode=said.mode,
        )
        return empty(202)

    def _detach(self, volume_id: str, said: wire.Detach) -> Response:
        ClassicAttachments(self.context).detach(volume_id, said.attachment_id)
        return empty(202)

    def _force_detach(self, volume_id: str, said: wire.ForceDetach) -> Response:
        StuckAttachments(self.context).force_detach(volume_id, said.attachment_id)
        return empty(202)

    def _migrate_volume_completion(self, volume_id: str, said: wire.MigrateCompletion) -> Response:
        kept = StuckAttachments(self.context).complete_migration(
            volume_id, said.new_volume, failed=said.error
        )
        return Response({"save_volume_id": kept})

    def _initialize_connection(self, volume_id: str, said: wire.Connection) -> Response:
        found = ConnectionManager(self.context).initialize(volume_id, said.connector)
        return Response({"connection_info": found})

    def _terminate_connection(self, volume_id: str, said: wire.Connection) -> Response:
        ConnectionManager(self.context).terminate(volume_id, said.connector)
        return empty(202)

    def _begin_detaching(self, volume_id: str, _: wire.Nothing) -> Response:
        ClassicAttachments(self.context).begin(volume_id)
        return empty(202)

    def _roll_detaching(self, volume_id: str, _: wire.Nothing) -> Response:
        ClassicAttachments(self.context).roll_back(volume_id)
        return empty(202)

    def _revert(self, volume_id: str, said: wire.Revert) -> Response:
        SnapshotManager(self.context).revert(volume_id, said.snapshot_id)
        return empty(202)

    def _reimage(self, volume_id: str, said: wire.Reimage) -> Response:
        self.manager(self.context).reimage(volume_id, said.image_id, reserved=said.reimage_reserved)
        return empty(202)

    def _set_image_metadata(self, volume_id: str, said: wire.ImageMetadata) -> Response:
        found = self.manager(self.context).set_image_metadata(volume_id, said.metadata)
        return Response({"metadata": found})

    def _unset_image_metadata(self, volume_id: str, said: wire.ImageMetadataKey) -> Response:
        self.manager(self.context).unset_image_metadata(volume_id, said.key)
        return empty(200)

    def _show_image_metadata(self, volume_id: str, _: wire.Nothing) -> Response:
        return Response({"metadata": self.manager(self.context).image_metadata(volume_id)})
