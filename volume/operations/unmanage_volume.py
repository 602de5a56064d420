"""A volume is left to others: its host gives it another name, its pool counts it no more."""

from __future__ import annotations

from datetime import timedelta

from operations.saga import Failure, Run, Saga, Step
from volume import scheduler
from volume.models import Volume
from volume.operations.manage_volume import give_back
from volume.operations.rows import fault, tell, write
from volume.states import VolumeStatus


class UnmanageVolume(Saga):
    """Let a volume be nobody's. What failed can be asked for again: it is on its host by one of two names."""

    kind = "volume.unmanage"
    resource_type = "volume"
    deadline = timedelta(hours=13)
    steps = (
        Step("leave", give_back, max_failures=10),
        Step("release_pool", lambda run: scheduler.release(run.resource_id)),
    )

    @classmethod
    def on_done(cls, run: Run) -> None:
        """Only what others see is left."""
        Volume.objects.filter(id=run.resource_id).delete()

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """It is not known under which name it is: nothing but to unmanage it again is done to it."""
        if failure is not None:
            write(run, status=VolumeStatus.ERROR_MANAGING, **fault(failure))
            tell(run, "unmanage", failure)
