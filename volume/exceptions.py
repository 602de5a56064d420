"""What can go wrong with volumes."""

from __future__ import annotations

from cloudweb.exceptions import BadRequest, NotFound, ServiceUnavailable


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


class NoValidPool(ServiceUnavailable):
    """No pool can take the volume; the message says why none does."""

    code = "no_valid_pool"
