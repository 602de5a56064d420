"""Make an image of a volume: its host reads it and brings the data to the image."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from cloudweb.database.clock import now
from cloudweb.rpc import Order
from image.manager import ImageManager
from operations.saga import Failure, Run, Saga, Step, StepFailed
from volume import messages
from volume.backups.objects import BackupPoint
from volume.models import Volume
from volume.resolution import host_of, volume_ref
from volume.rpc import RELEASE_BACKUP, UPLOAD
from volume.states import VolumeStatus
from volume.uploads.objects import UploadRequest


def begin(run: Run) -> None:
    """The image waits for its data."""
    _volume(run)


def abandon(run: Run) -> None:
    """An image that never got its data is none."""
    ImageManager(run.context).abandon(run.resource_id)


def send(run: Run) -> Order:
    """Order the host to bring the volume."""
    volume = _volume(run)
    request = UploadRequest(
        point=_point(run, volume),
        format=run.args["format"],
        url=ImageManager(run.context).upload_url(run.resource_id),
    )
    return UPLOAD.order(host=host_of(volume), resource_id=run.resource_id, payload=request)


def release(run: Run) -> Order | None:
    """Hold the volume no longer; nothing where it is gone with all of it."""
    volume = _find_volume(run)
    if volume is None:
        return None
    return RELEASE_BACKUP.order(
        host=host_of(volume), resource_id=run.resource_id, payload=_point(run, volume)
    )


class UploadVolume(Saga):
    """Make an image of a volume, in use or not; what failed leaves no image, and a message why."""

    kind = "volume.upload"
    resource_type = "image"
    deadline = timedelta(hours=24)
    steps = (
        Step("begin", begin, undo=abandon),
        Step("send", send, undo=release),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The volume is used as before."""
        _give_back(run)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """So it is when it failed; a pre-empted one's image is being deleted."""
        _give_back(run)
        volume = _find_volume(run)
        if failure is not None and volume is not None:
            messages.tell(
                run, "upload", failure, project_id=volume.project_id, about=str(volume.id)
            )

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """The clean-up needs an operator; the volume can be used all the same."""
        cls.on_undone(run, failure)


def _find_volume(run: Run) -> Volume | None:
    rows = Volume.objects.select_related("pool")
    found: Volume | None = rows.filter(id=run.args["volume_id"], pool__isnull=False).first()
    return found


def _volume(run: Run) -> Volume:
    found = _find_volume(run)
    if found is None:
        raise StepFailed("The volume is gone.")
    return found


def _point(run: Run, volume: Volume) -> BackupPoint:
    return BackupPoint(id=run.resource_id, source=volume_ref(volume))


def _give_back(run: Run) -> None:
    # its attachments kept that column up to date meanwhile
    rows = Volume.objects.filter(id=run.args["volume_id"], status=VolumeStatus.UPLOADING)
    rows.update(status=F("previous_status"), updated_at=now())
