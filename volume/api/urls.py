"""Routes of volumes: one flat table, under /volume."""

from typing import Any

from django.urls import URLPattern, URLResolver, path

from cloudweb.api.routing import versioned
from volume.api.attachments import AttachmentViewSet
from volume.api.backup_data import BackupDataViewSet
from volume.api.backup_schedules import BackupScheduleViewSet
from volume.api.backups import BackupProofViewSet, BackupViewSet
from volume.api.default_volume_types import DefaultVolumeTypeViewSet
from volume.api.extensions import ExtensionViewSet
from volume.api.group_snapshots import GroupSnapshotViewSet
from volume.api.group_types import GroupSpecViewSet, GroupTypeViewSet
from volume.api.groups import GroupViewSet
from volume.api.hosts import VolumeHostViewSet
from volume.api.limits import LimitsViewSet, QuotaClassSetViewSet, QuotaSetViewSet
from volume.api.manageable import (
    ManageableSnapshotViewSet,
    ManageableViewSet,
    ManageableVolumeViewSet,
    OlderManageableSnapshotViewSet,
    OlderManageableVolumeViewSet,
)
from volume.api.messages import MessageViewSet
from volume.api.pools import PoolViewSet
from volume.api.qos_specs import QosSpecViewSet
from volume.api.resource_filters import ResourceFilterViewSet
from volume.api.services import VolumeServiceViewSet
from volume.api.snapshot_metadata import SnapshotMetadataViewSet
from volume.api.snapshots import SnapshotViewSet
from volume.api.transfers import NewTransferViewSet, TransferViewSet
from volume.api.versions import VersionViewSet
from volume.api.volume_actions import VolumeActionViewSet
from volume.api.volume_metadata import VolumeMetadataViewSet
from volume.api.volume_type_encryption import VolumeTypeEncryptionViewSet
from volume.api.volume_type_extra_specs import VolumeTypeExtraSpecViewSet
from volume.api.volume_types import VolumeTypeAccessViewSet, VolumeTypeViewSet
from volume.api.volumes import VolumeViewSet
from volume.api.zones import ZoneViewSet

METADATA: dict[str, Any] = {"get": "list", "post": "merge", "put": "replace"}
METADATA_ITEM: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
ONE: dict[str, Any] = {"get": "retrieve", "put": "update", "delete": "destroy"}
SNAPSHOT = "snapshots/<str:snapshot_id>"
VOLUME = "volumes/<str:volume_id>"
BACKUP = "backups/<str:backup_id>"
TYPE = "types/<str:type_id>"
GROUP = "groups/<str:group_id>"
GROUP_SNAPSHOT = "group_snapshots/<str:group_snapshot_id>"
GROUP_TYPE = "group_types/<str:type_id>"
QOS_SPEC = "qos-specs/<str:spec_id>"


def transfers(root: str, view: type[TransferViewSet]) -> list[URLPattern | URLResolver]:
    """Return the routes of transfers under one of their two paths."""
    one = f"{root}/<str:transfer_id>"
    return [
        path(root, view.as_view(COLLECTION)),
        path(f"{root}/detail", view.as_view({"get": "list_detail"})),
        path(one, view.as_view({"get": "retrieve", "delete": "destroy"})),
        path(f"{one}/accept", view.as_view({"post": "accept"})),
    ]


def manageable(root: str, view: type[ManageableViewSet]) -> list[URLPattern | URLResolver]:
    """Return the routes of what could be managed under one of its two paths."""
    return [
        path(root, view.as_view(COLLECTION)),
        path(f"{root}/detail", view.as_view({"get": "list_detail"})),
    ]


ROUTES: list[URLPattern | URLResolver] = [
    *manageable("os-volume-manage", OlderManageableVolumeViewSet),
    *manageable("manageable_volumes", ManageableVolumeViewSet),
    *manageable("os-snapshot-manage", OlderManageableSnapshotViewSet),
    *manageable("manageable_snapshots", ManageableSnapshotViewSet),
    *transfers("os-volume-transfer", TransferViewSet),
    *transfers("volume-transfers", NewTransferViewSet),
    path("volumes", VolumeViewSet.as_view(COLLECTION)),
    path("volumes/detail", VolumeViewSet.as_view({"get": "list_detail"})),
    path("volumes/summary", VolumeViewSet.as_view({"get": "summary"})),
    path(VOLUME, VolumeViewSet.as_view(ONE)),
    path(f"{VOLUME}/action", VolumeActionViewSet.as_view({"post": "act"})),
    path(f"{VOLUME}/metadata", VolumeMetadataViewSet.as_view(METADATA)),
    path(f"{VOLUME}/metadata/<str:key>", VolumeMetadataViewSet.as_view(METADATA_ITEM)),
    path("snapshots", SnapshotViewSet.as_view(COLLECTION)),
    path("snapshots/detail", SnapshotViewSet.as_view({"get": "list_detail"})),
    path(SNAPSHOT, SnapshotViewSet.as_view(ONE)),
    path(f"{SNAPSHOT}/action", SnapshotViewSet.as_view({"post": "act"})),
    path(f"{SNAPSHOT}/metadata", SnapshotMetadataViewSet.as_view(METADATA)),
    path(f"{SNAPSHOT}/metadata/<str:key>", SnapshotMetadataViewSet.as_view(METADATA_ITEM)),
    path("attachments", AttachmentViewSet.as_view(COLLECTION)),
    path("attachments/detail", AttachmentViewSet.as_view({"get": "list_detail"})),
    path("attachments/<str:attachment_id>", AttachmentViewSet.as_view(ONE)),
    path("attachments/<str:attachment_id>/action", AttachmentViewSet.as_view({"post": "act"})),
    path("backups", BackupViewSet.as_view(COLLECTION)),
    path("backups/detail", BackupViewSet.as_view({"get": "list_detail"})),
    path("backups/import_record", BackupViewSet.as_view({"post": "import_record"})),
    path(BACKUP, BackupViewSet.as_view(ONE)),
    path(f"{BACKUP}/restore", BackupViewSet.as_view({"post": "restore"})),
    path(f"{BACKUP}/export_record", BackupViewSet.as_view({"get": "export_record"})),
    path(f"{BACKUP}/action", BackupViewSet.as_view({"post": "act"})),
    path("backup-schedules", BackupScheduleViewSet.as_view(COLLECTION)),
    path("backup-schedules/<str:schedule_id>", BackupScheduleViewSet.as_view(ONE)),
    path("backup-proofs", BackupProofViewSet.as_view(COLLECTION)),
    path("backup-proofs/<str:backup_id>", BackupProofViewSet.as_view({"get": "retrieve"})),
    path("types", VolumeTypeViewSet.as_view(COLLECTION)),
    path("types/default", VolumeTypeViewSet.as_view({"get": "retrieve_default"})),
    path(TYPE, VolumeTypeViewSet.as_view(ONE)),
    path(f"{TYPE}/action", VolumeTypeAccessViewSet.as_view({"post": "act"})),
    path(f"{TYPE}/os-volume-type-access", VolumeTypeAccessViewSet.as_view({"get": "list"})),
    path(f"{TYPE}/extra_specs", VolumeTypeExtraSpecViewSet.as_view(COLLECTION)),
    path(f"{TYPE}/extra_specs/<str:key>", VolumeTypeExtraSpecViewSet.as_view(ONE)),
    path(f"{TYPE}/encryption", VolumeTypeEncryptionViewSet.as_view(COLLECTION)),
    path(f"{TYPE}/encryption/<str:key>", VolumeTypeEncryptionViewSet.as_view(ONE)),
    path("qos-specs", QosSpecViewSet.as_view(COLLECTION)),
    path(QOS_SPEC, QosSpecViewSet.as_view(ONE)),
    path(f"{QOS_SPEC}/delete_keys", QosSpecViewSet.as_view({"put": "delete_keys"})),
    path(f"{QOS_SPEC}/associations", QosSpecViewSet.as_view({"get": "associations"})),
    path(f"{QOS_SPEC}/associate", QosSpecViewSet.as_view({"get": "associate"})),
    path(f"{QOS_SPEC}/disassociate", QosSpecViewSet.as_view({"get": "disassociate"})),
    path(f"{QOS_SPEC}/disassociate_all", QosSpecViewSet.as_view({"get": "disassociate_all"})),
    path("default-types", DefaultVolumeTypeViewSet.as_view({"get": "list"})),
    path("default-types/<str:project_id>", DefaultVolumeTypeViewSet.as_view(ONE)),
    path("group_types", GroupTypeViewSet.as_view(COLLECTION)),
    path(GROUP_TYPE, GroupTypeViewSet.as_view(ONE)),
    path(f"{GROUP_TYPE}/group_specs", GroupSpecViewSet.as_view(COLLECTION)),
    path(f"{GROUP_TYPE}/group_specs/<str:key>", GroupSpecViewSet.as_view(ONE)),
    path("groups", GroupViewSet.as_view(COLLECTION)),
    path("groups/detail", GroupViewSet.as_view({"get": "list_detail"})),
    path("groups/action", GroupViewSet.as_view({"post": "create_from_source"})),
    path(GROUP, GroupViewSet.as_view({"get": "retrieve", "put": "update"})),
    path(f"{GROUP}/action", GroupViewSet.as_view({"post": "act"})),
    path("group_snapshots", GroupSnapshotViewSet.as_view(COLLECTION)),
    path("group_snapshots/detail", GroupSnapshotViewSet.as_view({"get": "list_detail"})),
    path(GROUP_SNAPSHOT, GroupSnapshotViewSet.as_view({"get": "retrieve", "delete": "destroy"})),
    path(f"{GROUP_SNAPSHOT}/action", GroupSnapshotViewSet.as_view({"post": "act"})),
    path("limits", LimitsViewSet.as_view({"get": "retrieve"})),
    path("os-quota-sets/<str:project_id>", QuotaSetViewSet.as_view(ONE)),
    path(
        "os-quota-sets/<str:project_id>/defaults",
        QuotaSetViewSet.as_view({"get": "retrieve_defaults"}),
    ),
    path(
        "os-quota-class-sets/<str:name>",
        QuotaClassSetViewSet.as_view({"get": "retrieve", "put": "update"}),
    ),
    path("messages", MessageViewSet.as_view({"get": "list"})),
    path(
        "messages/<str:message_id>",
        MessageViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
    ),
    path("os-availability-zone", ZoneViewSet.as_view({"get": "list"})),
    path("extensions", ExtensionViewSet.as_view({"get": "list"})),
    path("resource_filters", ResourceFilterViewSet.as_view({"get": "list"})),
    path("os-services", VolumeServiceViewSet.as_view({"get": "list"})),
    path("os-services/<str:word>", VolumeServiceViewSet.as_view({"put": "update"})),
    path("os-hosts", VolumeHostViewSet.as_view({"get": "list"})),
    path("os-hosts/<str:host>", VolumeHostViewSet.as_view({"get": "retrieve"})),
    path("capabilities/<str:host>", PoolViewSet.as_view({"get": "capabilities"})),
    path("scheduler-stats/get_pools", PoolViewSet.as_view({"get": "list"})),
]

#: What hosts bring and fetch (volume/backup_transfers.py).
SIGNED = "/signed/backups/<uuid:backup_id>"

urlpatterns: list[URLPattern | URLResolver] = [
    path(f"{SIGNED}/terms", BackupDataViewSet.as_view({"get": "terms"})),
    path(f"{SIGNED}/parent", BackupDataViewSet.as_view({"get": "parent"})),
    path(f"{SIGNED}/chunks", BackupDataViewSet.as_view({"get": "known", "put": "put"})),
    path(
        f"{SIGNED}/manifest",
        BackupDataViewSet.as_view({"get": "manifest", "put": "put_manifest"}),
    ),
    path(
        f"{SIGNED}/chunks/<uuid:origin>/<str:digest>", BackupDataViewSet.as_view({"get": "chunk"})
    ),
    path("", VersionViewSet.as_view({"get": "list"})),
    path("/v3", VersionViewSet.as_view({"get": "retrieve"})),
    *versioned("v3", ROUTES),
]
