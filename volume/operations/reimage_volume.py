"""Write a volume that nobody uses anew from an image."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from cloudweb.database.clock import now
from cloudweb.rpc import Order
from operations.saga import Failure, Run, Saga, Step
from volume.models import Volume
from volume.objects import ReimageRequest
from volume.operations.rows import fault, tell, volume_of, write
from volume.querysets import VolumeQuerySet
from volume.resolution import host_of, image_source, passphrase_of, volume_ref
from volume.rpc import REIMAGE
from volume.states import VolumeStatus


def reimage(run: Run) -> Order:
    """Order the volume's host to write the image over it."""
    volume = volume_of(run)
    request = ReimageRequest(
        volume=volume_ref(volume),
        image=image_source(volume, run.args["image_id"]),
        passphrase=passphrase_of(volume),
    )
    return REIMAGE.order(host=host_of(volume), resource_id=str(volume.id), payload=request)


class ReimageVolume(Saga):
    """Have a volume hold what an image does; what broke off leaves it in error, to be written anew again.

    ``args``: ``image_id``, and ``image_metadata``, what is known of the image from then on.
    """

    kind = "volume.reimage"
    resource_type = "volume"
    deadline = timedelta(hours=24)
    steps = (Step("reimage", reimage),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """It is free, or its server's, as before."""
        write(
            run,
            image_id=run.args["image_id"],
            image_metadata=run.args["image_metadata"],
            bootable=True,
            fault_code=None,
        )
        # its attachments kept that column up to date meanwhile
        _rows(run).update(status=F("previous_status"))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It may hold some of both; one that is being deleted says so."""
        said = {} if failure is None else fault(failure)
        _rows(run).update(status=VolumeStatus.ERROR, updated_at=now(), **said)
        if failure is not None:
            tell(run, "reimage", failure)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """So it may where an operator has to look."""
        cls.on_undone(run, failure)


def _rows(run: Run) -> VolumeQuerySet:
    return Volume.objects.filter(id=run.resource_id, status=VolumeStatus.DOWNLOADING)
