"""Copy an image's data into further stores."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.database import clock
from cloudweb.database.locks import locked
from image.copies import open_copy
from image.exceptions import ImageGone
from image.models import Image
from image.operations.transfers import copy_everywhere, remove_everywhere
from operations.saga import Failure, Job, Run, Saga, Step


def _image(run: Run) -> Image:
    found: Image | None = locked(Image.objects.all().live().filter(id=run.resource_id)).first()
    if found is None:
        raise ImageGone
    return found


def put(run: Run) -> Job:
    """Copy the data from a store that has it into those that are wanted."""
    image = _image(run)
    return Job(
        lambda running: copy_everywhere(
            running,
            image,
            key=image.store_key,
            wanted=run.args["stores"],
            all_must_succeed=run.args["all_stores_must_succeed"],
            source=lambda: open_copy(image),
        ),
        deadline=timedelta(hours=12),
    )


def remove(run: Run) -> Job | None:
    """Remove the data from the further stores again; those that had it before keep it."""
    image = Image.objects.filter(id=run.resource_id).first()
    if image is None:
        return None
    key, names = image.store_key, [name for name in run.args["stores"] if name not in image.stores]
    return Job(lambda _: remove_everywhere(key, names))


def publish(run: Run) -> None:
    """Write down which stores have it now."""
    image, outcome = _image(run), run.results["put"]
    Image.objects.filter(id=image.id).update(
        stores=[*image.stores, *(one for one in outcome["stored"] if one not in image.stores)],
        failed_import=list(outcome["failed"]),
        importing_to=[],
        incoming_size=0,
        updated_at=clock.now(),
    )


class CopyImage(Saga):
    """Copy an active image into further stores; it can be used all the while."""

    kind = "image.copy"
    resource_type = "image"
    deadline = timedelta(hours=24)
    steps = (Step("put", put, undo=remove), Step("publish", publish))

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The image is where it was."""
        Image.objects.filter(id=run.resource_id).update(
            importing_to=[],
            incoming_size=0,
            failed_import=run.args["stores"] if failure else [],
        )
