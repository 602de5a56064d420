"""Bodies of volume actions: POST /volumes/{id}/action with exactly one key (contract 5.2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, RootModel, StringConstraints

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.fields import Body, LooseBool, PositiveNumber, Text
from cloudweb.api.shown import Of
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from cloudweb.topics import HOST_NAME
from volume.api.serializers.attachments import Connector, Uuid
from volume.manager import ImageWish
from volume.models import Volume
from volume.states import shown
from volume.uploads.objects import ImageFormat


class Extend(Body):
    """The value of ``os-extend``."""

    new_size: PositiveNumber


class SetBootable(Body):
    """The value of ``os-set_bootable``."""

    bootable: LooseBool


class ReadOnlyFlag(Body):
    """The value of ``os-update_readonly_flag``."""

    readonly: LooseBool


class ResetStatus(Body):
    """The value of ``os-reset_status``."""

    status: Text | None = None
    attach_status: Literal["attached", "detached"] | None = None
    migration_status: (
        Literal["none", "starting", "migrating", "completing", "success", "error", "deleting"]
        | None
    ) = None


class ImageMetadata(Body):
    """The value of ``os-set_image_metadata``."""

    metadata: dict[str, str]


class ImageMetadataKey(Body):
    """The value of ``os-unset_image_metadata``."""

    key: Annotated[str, Field(min_length=1, max_length=255)]


class Migrate(Body):
    """The value of ``os-migrate_volume``: a pool by its full name, ``h1@file#default``.

    Data are always copied by hosts, so ``force_host_copy`` says nothing. There are no clusters.
    """

    host: Annotated[str, Field(min_length=1, max_length=255)]
    force_host_copy: LooseBool = False
    lock_volume: LooseBool = False


class Retype(Body):
    """The value of ``os-retype``: a type by its id or name."""

    new_type: Annotated[str, Field(min_length=1, max_length=255)]
    migration_policy: Literal["never", "on-demand"] = "never"


class Attach(Body):
    """The value of ``os-attach``: a server or a host has the volume."""

    instance_uuid: Uuid | None = None
    host_name: Annotated[str, StringConstraints(pattern=f"^{HOST_NAME.pattern}$")] | None = None
    mountpoint: Text = ""
    mode: Literal["rw", "ro"] | None = None


class Connection(Body):
    """The value of ``os-initialize_connection`` and ``os-terminate_connection``: who connects."""

    connector: Connector


class Detach(Body):
    """The value of ``os-detach``."""

    attachment_id: Uuid | None = None


class ForceDetach(Body):
    """The value of ``os-force_detach``; whom it is cut off from needs no connector here."""

    attachment_id: Uuid | None = None
    connector: Connector | None = None


class MigrateCompletion(Body):
    """The value of ``os-migrate_volume_completion``."""

    new_volume: Uuid
    error: LooseBool = False


class Revert(Body):
    """The value of ``revert``."""

    snapshot_id: Annotated[str, Field(max_length=64)]


class Reimage(Body):
    """The value of ``os-reimage``."""

    image_id: Annotated[str, Field(max_length=64)]
    reimage_reserved: LooseBool = False


class UploadImage(Body):
    """The value of ``os-volume_upload_image``."""

    image_name: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    force: LooseBool = False
    disk_format: ImageFormat = "raw"
    container_format: Literal["bare"] = "bare"
    visibility: Annotated[Literal["community", "public", "private", "shared"], since(1)] = "private"
    protected: Annotated[LooseBool, since(1)] = False


class Nothing(Body):
    """The value of an action that says no more; null is one, too."""


#: Action -> what its key holds.
BODIES: dict[str, type[Body]] = {
    "os-extend": Extend,
    "os-volume_upload_image": UploadImage,
    "os-set_bootable": SetBootable,
    "os-update_readonly_flag": ReadOnlyFlag,
    "os-reset_status": ResetStatus,
    "os-force_delete": Nothing,
    "os-migrate_volume": Migrate,
    "os-retype": Retype,
    "os-unmanage": Nothing,
    "revert": Revert,
    "os-reimage": Reimage,
    "os-reserve": Nothing,
    "os-unreserve": Nothing,
    "os-attach": Attach,
    "os-detach": Detach,
    "os-force_detach": ForceDetach,
    "os-migrate_volume_completion": MigrateCompletion,
    "os-initialize_connection": Connection,
    "os-terminate_connection": Connection,
    "os-begin_detaching": Nothing,
    "os-roll_detaching": Nothing,
    "os-set_image_metadata": ImageMetadata,
    "os-unset_image_metadata": ImageMetadataKey,
    "os-show_image_metadata": Nothing,
}


class Uploading(NamedTuple):
    """A volume and the image that it becomes."""

    volume: Volume
    wanted: ImageWish
    image_id: str


class TypeOfUpload(Answer):
    """The type of a volume that becomes an image."""

    id: str
    name: str
    description: str | None
    is_public: bool


def _type(row: Uploading) -> dict[str, Any]:
    kind = row.volume.volume_type
    return {
        "id": str(kind.id),
        "name": kind.name,
        "description": kind.description,
        "is_public": kind.is_public,
    }


class UploadShown(Answer):
    """``os-volume_upload_image``: the volume, and the image that it becomes."""

    id: Annotated[str, Of(lambda row: str(row.volume.id))]
    updated_at: Annotated[str | None, Of(lambda row: micros(row.volume.updated_at))]
    status: Annotated[str, Of(lambda row: shown(row.volume.status))]
    display_description: Annotated[str | None, Of("volume.description")]
    size: Annotated[int, Of("volume.size")]
    volume_type: Annotated[TypeOfUpload, Of(_type)]
    image_id: str
    container_format: Annotated[str, Of("wanted.container_format")]
    disk_format: Annotated[str, Of("wanted.disk_format")]
    image_name: Annotated[str, Of("wanted.name")]
    visibility: Annotated[str, Of("wanted.visibility"), since(1)]
    protected: Annotated[bool, Of("wanted.protected"), since(1)]


class VolumeAction(RootModel[dict[str, Any]]):
    """The body of POST /volumes/{id}/action: exactly one key, with what belongs to it."""


class ImageMetadataShown(Answer):
    """What a volume has of its image."""

    metadata: dict[str, str]


class ConnectionInfo(OpenAnswer):
    """How a volume is reached, as os-brick's connector of this kind reads it."""

    driver_volume_type: str
    data: dict[str, Any]


class ConnectionShown(Answer):
    """What a connector is told."""

    connection_info: ConnectionInfo


class VolumeActionShown(RootModel[ImageMetadataShown | ConnectionShown]):
    """What an action answers that shows something."""
