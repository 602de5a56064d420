"""Export a volume to whoever connects without being a server of this cloud, and cut it off again."""

from __future__ import annotations

from typing import Any

from cloudweb.events import emit
from cloudweb.rpc import Order
from operations.saga import Failure, Run, Saga, Step, StepFailed
from volume import attaching
from volume.events import VolumeTaken
from volume.models import Attachment
from volume.states import AttachmentStatus


def _row(run: Run) -> Attachment | None:
    rows = Attachment.objects.select_related("volume__pool")
    return rows.filter(id=run.args["attachment_id"]).first()


def export(run: Run) -> Order:
    """Order the export to the connector's host."""
    row = _row(run)
    if row is None:
        raise StepFailed("The attachment is gone.")
    return attaching.export(row, run.args["host"], address=run.args["address"])


def exported(run: Run, answers: list[Any]) -> None:
    """Keep how the volume is reached."""
    row = _row(run)
    if row is not None:
        attaching.exported(row, answers[0])


def unexport(run: Run) -> Order | None:
    """Order the attachment to be cut off."""
    row = _row(run)
    return None if row is None else attaching.unexport(row)


class ExportVolume(Saga):
    """Let the connector's host use the volume."""

    kind = "volume.export"
    resource_type = "volume"
    steps = (Step("export", export, undo=unexport, done=exported),)

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is not there; what pre-empted it says what becomes of it."""
        row = _row(run)
        if failure is not None and row is not None:
            attaching.change(row, status=AttachmentStatus.ERROR_ATTACHING)


class UnexportVolume(Saga):
    """Cut an attachment off and let the volume go, unless ``args["keep"]``; a host that is down owes it."""

    kind = "volume.unexport"
    resource_type = "volume"
    steps = (Step("unexport", unexport, owes=True, max_failures=10),)

    @classmethod
    def on_done(cls, run: Run) -> None:
        """The volume is free, or held for who cut himself off, until he lets it go."""
        row = _row(run)
        if row is None:
            return
        if run.args.get("keep"):
            attaching.change(row, connection="")
        else:
            attaching.remove(row)
            if row.by_server and row.instance_id is not None:
                emit(VolumeTaken(attachment_id=str(row.id), instance_id=str(row.instance_id)))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """Its host refused for good."""
        row = _row(run)
        if failure is not None and row is not None:
            attaching.change(row, status=AttachmentStatus.ERROR_DETACHING)
