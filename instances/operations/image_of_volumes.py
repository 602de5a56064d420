"""Make an image of a server that boots from a volume: snapshots of its volumes, which the image names."""

from __future__ import annotations

from contextlib import suppress

from cloudweb.exceptions import CloudwebError
from image.changes import Change
from image.manager import ImageManager
from instances.images import CONSISTENCY
from operations.saga import Child, Failure, Run, Saga, Step
from volume.manager import SnapshotManager
from volume.operations import SnapshotTogether


def take(run: Run) -> Child:
    """Take the snapshots of all volumes together, the server's file systems held still where that can be."""
    return Child(SnapshotTogether, resource_id=run.resource_id, args=run.args["together"])


def complete(run: Run) -> None:
    """The image is what its snapshots are: it is ready with them."""
    first = SnapshotManager(run.context).find(run.args["together"]["snapshots"][0])
    said = {CONSISTENCY: first.consistency, "image_state": "available"}
    images = ImageManager(run.context)
    images.update(run.resource_id, [Change("add", *one) for one in said.items()])
    images.complete_without_data(run.resource_id)


class ImageOfVolumes(Saga):
    """Keep what the volumes of a server hold, and let an image name it; what failed leaves neither.

    The image is what it is about: who deletes it calls this off. ``args["together"]`` is what
    ``SnapshotTogether`` is told of the snapshots that are recorded already.
    """

    kind = "instances.image_of_volumes"
    resource_type = "image"
    steps = (Step("take", take), Step("complete", complete))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """There is neither an image nor a snapshot."""
        ImageManager(run.context).abandon(run.resource_id)
        _drop(run)

    @classmethod
    def on_stuck(cls, run: Run, failure: Failure) -> None:
        """Nobody uses an image that is not whole."""
        ImageManager(run.context).abandon(run.resource_id)


def _drop(run: Run) -> None:
    """Delete the snapshots."""
    for key in run.args["together"]["snapshots"]:
        with suppress(CloudwebError):  # it is gone, or somebody is at work on it
            SnapshotManager(run.context).delete(key, force=True)
