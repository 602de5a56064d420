"""What can go wrong with volumes."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.exceptions import (
    BadRequest,
    CloudwebError,
    Conflict,
    NotFound,
    RequestTooLarge,
    ServiceUnavailable,
)
from cloudweb.holdings import listed


class VolumeNotFound(NotFound):
    """No such volume, or none this caller may see."""

    code = "volume_not_found"

    def __init__(self, volume_id: object) -> None:
        super().__init__(f"Volume {str(volume_id)[:80]} could not be found.")


class VolumeTypeNotFound(NotFound):
    """No such volume type, or none this caller may use."""

    code = "volume_type_not_found"

    def __init__(self, volume_type: object) -> None:
        super().__init__(f"Volume type {str(volume_type)[:80]} could not be found.")


class SnapshotNotFound(NotFound):
    """No such snapshot, or none this caller may see."""

    code = "snapshot_not_found"

    def __init__(self, snapshot_id: object) -> None:
        super().__init__(f"Snapshot {str(snapshot_id)[:80]} could not be found.")


class AttachmentNotFound(NotFound):
    """No such attachment, or none this caller may see."""

    code = "attachment_not_found"

    def __init__(self, attachment_id: object) -> None:
        super().__init__(
            f"Volume attachment could not be found with filter: {str(attachment_id)[:80]}."
        )


class InvalidVolume(BadRequest):
    """The volume's status, or what hangs on it, does not allow this now; 400 in this API."""

    code = "invalid_volume"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid volume: {reason}")


class InvalidSnapshot(BadRequest):
    """The snapshot's status, or what hangs on it, does not allow this now; 400 in this API."""

    code = "invalid_snapshot"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid snapshot: {reason}")


class InvalidVolumeInput(BadRequest):
    """What was asked for makes no sense for this volume."""

    code = "invalid_volume_input"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid input received: {reason}")


class InvalidPool(BadRequest):
    """The pool that was named is none that the volume can go to."""

    code = "invalid_pool"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid host: {reason}")


class NoValidPool(ServiceUnavailable):
    """No pool can take the volume; the message says why none does."""

    code = "no_valid_pool"


class SourceGone(Conflict):
    """What the volume was to be made of is not there any more."""

    code = "source_gone"

    def __init__(self, noun: str, source_id: object) -> None:
        super().__init__(f"The {noun} {source_id} is not there any more.")


class VolumeTooLarge(RequestTooLarge):
    """Larger than any volume of the project may be."""

    code = "volume_too_large"

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"Requested volume size {size}G is larger than the maximum allowed, {limit}G."
        )


class MetadataItemNotFound(NotFound):
    """The volume or snapshot has no such item."""

    code = "metadata_item_not_found"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no metadata item {key[:80]}.")


class AttachmentOfServer(Conflict):
    """A server has the volume by this attachment: it is detached there."""

    code = "attachment_of_server"

    def __init__(self, instance_id: object) -> None:
        super().__init__(f"Server {instance_id} has the volume: detach it from the server.")


class InvalidAttachmentMode(BadRequest):
    """A volume that may only be read is attached to be written."""

    code = "invalid_attachment_mode"

    def __init__(self, volume_id: object) -> None:
        super().__init__(
            f"Invalid volume: volume {volume_id} is read-only; attach it with mode ro."
        )


class ConnectionFailed(ServiceUnavailable):
    """The volume's host did not export it, or not in time."""

    code = "connection_failed"

    def __init__(self, volume_id: object) -> None:
        super().__init__(f"Volume {volume_id} could not be connected: its host did not serve it.")


class NoDefaultVolumeType(NotFound):
    """Nobody said of which type, and there is no default (VOLUME_DEFAULT_TYPE)."""

    code = "no_default_volume_type"
    default_message = "Default volume type can not be found."


class PoolNotFound(NotFound):
    """There is no such pool."""

    code = "pool_not_found"

    def __init__(self, pool_id: object) -> None:
        super().__init__(f"Pool {str(pool_id)[:80]} could not be found.")


class PoolInUse(Conflict):
    """There are volumes in the pool."""

    code = "pool_in_use"

    def __init__(self, name: str) -> None:
        super().__init__(f"Pool {name} has volumes.")


class VolumeTypeExists(Conflict):
    """The name of a volume type is unique in the cloud."""

    code = "volume_type_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Volume Type {name[:255]} already exists.")


class VolumeTypeInUse(BadRequest):
    """Volumes are of this type, so it can be neither deleted nor mean something else; 400 in this API."""

    code = "volume_type_in_use"

    def __init__(self, type_id: object, *, holdings: Mapping[str, int]) -> None:
        super().__init__(f"Volume Type {type_id} is still in use by {listed(holdings)}.")


class VolumeTypeIsDefault(BadRequest):
    """What a project, or the whole cloud, has as its default type stays."""

    code = "volume_type_is_default"

    def __init__(self, type_id: object) -> None:
        super().__init__(
            f"The volume type {type_id} is a default volume type and cannot be deleted."
        )


class VolumeTypeExtraSpecNotFound(NotFound):
    """The type has no such extra spec, or none this caller may see."""

    code = "volume_type_extra_spec_not_found"

    def __init__(self, *, type_id: object, key: str) -> None:
        super().__init__(f"Volume Type {type_id} has no extra specs with key {key[:255]}.")


class VolumeTypeAccessExists(Conflict):
    """The project has access to the type already."""

    code = "volume_type_access_exists"

    def __init__(self, *, type_id: object, project_id: str) -> None:
        super().__init__(
            f"Volume type access for {type_id} / {project_id} combination already exists."
        )


class VolumeTypeAccessNotFound(NotFound):
    """The project has no access to the type, or the type is public and keeps no list."""

    code = "volume_type_access_not_found"


class VolumeTypeIsPublic(BadRequest):
    """Everybody has access to a public type, so it is neither granted nor withdrawn."""

    code = "volume_type_is_public"
    default_message = "Type access modification is not applicable to public volume type."


class VolumeTypeEncryptionExists(BadRequest):
    """A type is encrypted in one way; 400 in this API."""

    code = "volume_type_encryption_exists"

    def __init__(self, type_id: object) -> None:
        super().__init__(f"Volume type encryption for type {type_id} already exists.")


class VolumeTypeEncryptionNotFound(NotFound):
    """The type is not encrypted."""

    code = "volume_type_encryption_not_found"

    def __init__(self, type_id: object) -> None:
        super().__init__(f"Volume type encryption for type {type_id} does not exist.")


class QosSpecNotFound(NotFound):
    """No such QoS specs."""

    code = "qos_spec_not_found"

    def __init__(self, spec_id: object) -> None:
        super().__init__(f"No such QoS spec {str(spec_id)[:80]}.")


class QosSpecExists(Conflict):
    """The name of QoS specs is unique in the cloud."""

    code = "qos_spec_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"QoS Specs {name[:255]} already exists.")


class QosSpecInUse(BadRequest):
    """Volume types refer to the QoS specs; 400 in this API."""

    code = "qos_spec_in_use"

    def __init__(self, spec_id: object) -> None:
        super().__init__(f"QoS Specs {spec_id} is still associated with entities.")


class QosSpecKeyNotFound(BadRequest):
    """The QoS specs have no such key; 400 in this API."""

    code = "qos_spec_key_not_found"

    def __init__(self, *, spec_id: object, key: str) -> None:
        super().__init__(f"QoS spec {spec_id} has no spec with key {key[:255]}.")


class QosSpecNotAssociated(BadRequest):
    """The volume type has QoS specs already, or not these; 400 in this API."""

    code = "qos_spec_not_associated"


class DefaultVolumeTypeNotFound(NotFound):
    """The project has no default type of its own."""

    code = "default_volume_type_not_found"

    def __init__(self, project_id: str) -> None:
        super().__init__(f"Default type for project {project_id[:64]} not found.")


class BackupNotFound(NotFound):
    """No such backup, or none this caller may see."""

    code = "backup_not_found"

    def __init__(self, backup_id: object) -> None:
        super().__init__(f"Backup {str(backup_id)[:80]} could not be found.")


class BackupDataNotFound(NotFound):
    """A transfer asks for what is not there."""

    code = "backup_data_not_found"
    default_message = "There is no such data of a backup."


class InvalidBackup(BadRequest):
    """The backup's status, or what it is to be, does not allow this; 400 in this API."""

    code = "invalid_backup"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid backup: {reason}")


class MetadataChanged(CloudwebError):
    """The metadata is no longer what If-Match names."""

    status = 412
    code = "metadata_changed"
    default_message = "The metadata has changed since it was read."


class ServiceNotFound(NotFound):
    """No such service."""

    code = "volume_service_not_found"

    def __init__(self, *, binary: str, host: str) -> None:
        super().__init__(f"Service {binary[:64]} could not be found on host {host[:128]}.")


class ServiceNotManaged(BadRequest):
    """A service of the control plane cannot be disabled: any number run, and any of them will do."""

    code = "volume_service_not_managed"

    def __init__(self, binary: str) -> None:
        super().__init__(
            f"{binary} cannot be changed: any number of it run, and any of them will do."
        )


class ServiceNotReplicated(BadRequest):
    """Nothing stands in for the back end; 400 in this API."""

    code = "volume_service_not_replicated"

    def __init__(self, host: str) -> None:
        super().__init__(f"Host {host[:128]} is not replicated, so nothing can stand in for it.")


class BackEndNotFound(NotFound):
    """No host, back end or pool of this name."""

    code = "back_end_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(f"Host {name[:255]} could not be found.")


class MessageNotFound(NotFound):
    """No such message, or none this caller may see."""

    code = "message_not_found"

    def __init__(self, message_id: object) -> None:
        super().__init__(f"Message {str(message_id)[:80]} could not be found.")


class TransferNotFound(NotFound):
    """No such transfer, or none this caller may see."""

    code = "transfer_not_found"

    def __init__(self, transfer_id: object) -> None:
        super().__init__(f"Transfer {str(transfer_id)[:80]} could not be found.")


class InvalidTransferKey(BadRequest):
    """Whoever accepts a transfer knows its key; 400 in this API."""

    code = "invalid_transfer_key"

    def __init__(self, transfer_id: object) -> None:
        super().__init__(f"Attempt to transfer {transfer_id} with invalid auth key.")


class GroupNotFound(NotFound):
    """No such group, or none this caller may see."""

    code = "group_not_found"

    def __init__(self, group_id: object) -> None:
        super().__init__(f"Group {str(group_id)[:80]} could not be found.")


class InvalidGroup(BadRequest):
    """What is in the group, or is to be, does not allow this; 400 in this API."""

    code = "invalid_group"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid Group: {reason}")


class GroupTypeNotFound(NotFound):
    """No such group type, or none this caller may see."""

    code = "group_type_not_found"

    def __init__(self, type_id: object) -> None:
        super().__init__(f"Group type {str(type_id)[:80]} could not be found.")


class GroupTypeExists(Conflict):
    """The name of a group type is unique in the cloud."""

    code = "group_type_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Group Type {name[:255]} already exists.")


class GroupTypeInUse(BadRequest):
    """Groups are of the type; 400 in this API."""

    code = "group_type_in_use"

    def __init__(self, type_id: object) -> None:
        super().__init__(f"Target group type {type_id} is still in use.")


class GroupSpecNotFound(NotFound):
    """The group type has no such spec."""

    code = "group_spec_not_found"

    def __init__(self, *, type_id: object, key: str) -> None:
        super().__init__(f"Group Type {type_id} has no specs with key {key[:255]}.")


class GroupSnapshotNotFound(NotFound):
    """No such snapshot of a group, or none this caller may see."""

    code = "group_snapshot_not_found"

    def __init__(self, group_snapshot_id: object) -> None:
        super().__init__(f"GroupSnapshot {str(group_snapshot_id)[:80]} could not be found.")


class InvalidGroupSnapshot(BadRequest):
    """The status of a group's snapshot, or what hangs on it, does not allow this; 400 in this API."""

    code = "invalid_group_snapshot"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid GroupSnapshot: {reason}")
