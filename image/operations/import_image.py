"""Import an image: fetch its data into the staging area, convert it, copy it into the stores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings

from cloudweb.database import clock
from cloudweb.encryption import decrypt
from image import quotas, reception, states
from image.conversion import target_format
from image.download.client import Limits, download
from image.download.rules import Rules
from image.exceptions import ImageGone
from image.models import Image
from image.operations import converting
from image.operations.converting import convert_staged
from image.operations.transfers import (
    clear_staging,
    copy_everywhere,
    progress,
    remove_everywhere,
)
from image.stores import staging
from operations.jobs import Running
from operations.saga import Failure, Job, Run, Saga, Step


def _image(image_id: str) -> Image:
    found: Image | None = Image.objects.filter(id=image_id, status=states.IMPORTING).first()
    if found is None:
        raise ImageGone
    return found


def fetch(run: Run) -> Mapping[str, Any] | Job:
    """Download the data into the staging area; what a client staged was inspected when it came."""
    image = _image(run.resource_id)
    if run.args["method"] == "glance-direct":
        facts = {name: getattr(image, name) for name in reception.NO_FACTS}
        return {"staged": f"{image.id}.{image.upload_id}", **facts}
    limit = settings.IMAGE_DOWNLOAD_TIMEOUT
    return Job(lambda running: _download(running, image), deadline=timedelta(seconds=limit + 600))


def allowance(image: Image) -> quotas.Allowance:
    """Return what the import may still take of its project's quota."""
    rows = Image.objects.all().filter(id=image.id, status=states.IMPORTING)
    return quotas.Allowance(image, rows.all, lost=ImageGone)


def _download(running: Running, image: Image) -> Mapping[str, Any]:
    clear_staging(image.id)  # of attempts that died
    key = f"{image.id}.{running.epoch}"
    limits = Limits(total=settings.IMAGE_DOWNLOAD_TIMEOUT, rate=settings.IMAGE_DOWNLOAD_MIN_RATE)
    with download(decrypt(image.import_source), rules=Rules.of_settings(), limits=limits) as source:
        if source.length is not None and source.length > settings.IMAGE_MAX_SIZE:
            raise reception.too_large()
        allowed = allowance(image)
        allowed.cover(source.length or 0, exactly=True)

        def on_chunk(done: int) -> None:
            progress(running, done=done, total=source.length)
            allowed.cover(done)

        incoming = staging().receive(key, expected=source.length)
        try:
            facts = reception.receive(
                source,
                incoming,
                disk_format=image.disk_format,
                container_format=image.container_format,
                expected=source.length,
                on_chunk=on_chunk,
            )
            running.check()
            incoming.keep()
        except BaseException:
            incoming.drop()
            raise
    return {"staged": key, **facts}


def convert(run: Run) -> Mapping[str, Any] | Job:
    """Turn a disk that hosts cannot open into one that they can; any other stays as it is."""
    image, fetched = _image(run.resource_id), run.results["fetch"]
    to = target_format(image.disk_format, image.container_format)
    if to is None:
        return {**fetched, "disk_format": image.disk_format, "was": image.disk_format}
    return Job(
        lambda running: convert_staged(
            running, image, staged=fetched["staged"], to=to, allowed=allowance(image)
        ),
        deadline=timedelta(seconds=converting.seconds()),
    )


def clear(run: Run) -> Job:
    """Leave nothing in the staging area."""
    return Job(lambda _: clear_staging(run.resource_id))


def reserve(run: Run) -> None:
    """Count the size against the quota, and write what is known about the data."""
    image = _image(run.resource_id)
    ready = run.results["convert"]
    facts = {name: ready[name] for name in reception.NO_FACTS}
    copies = len(run.args["stores"])
    allowance(image).cover(facts["size"] * copies, exactly=True)
    Image.objects.filter(id=image.id).update(
        **facts,
        disk_format=ready["disk_format"],
        incoming_size=facts["size"] * (copies - 1),
        updated_at=clock.now(),
    )


def forget(run: Run) -> None:
    """Take back what was known."""
    Image.objects.filter(id=run.resource_id).update(
        **reception.NO_FACTS, disk_format=run.results["convert"]["was"]
    )


def key_of(run: Run) -> str:
    """Return the key in the stores: every attempt copies the same data there."""
    return f"{run.resource_id}.{run.operation.id.hex}"


def put(run: Run) -> Job:
    """Copy the staged data into the stores."""
    image, key, staged = _image(run.resource_id), key_of(run), run.results["convert"]["staged"]
    return Job(
        lambda running: copy_everywhere(
            running,
            image,
            key=key,
            wanted=run.args["stores"],
            all_must_succeed=run.args["all_stores_must_succeed"],
            source=lambda: staging().open(staged),
        ),
        deadline=timedelta(hours=12),
    )


def remove(run: Run) -> Job:
    """Remove the data from the stores again."""
    key, names = key_of(run), run.args["stores"]
    return Job(lambda _: remove_everywhere(key, names))


def publish(run: Run) -> None:
    """Make the image active."""
    outcome = run.results["put"]
    done = Image.objects.filter(id=run.resource_id, status=states.IMPORTING).update(
        status=states.ACTIVE,
        store_key=key_of(run),
        stores=outcome["stored"],
        failed_import=list(outcome["failed"]),
        importing_to=[],
        import_source="",
        upload_id="",
        incoming_size=0,
        updated_at=clock.now(),
    )
    if not done:
        raise ImageGone


class ImportImage(Saga):
    """Bring data into the cloud and make an image of it; a failed import leaves the image queued."""

    kind = "image.import"
    resource_type = "image"
    deadline = timedelta(hours=24)
    steps = (
        Step("fetch", fetch, undo=clear),
        Step("convert", convert),
        Step("reserve", reserve, undo=forget),
        Step("put", put, undo=remove),
        Step("publish", publish, pivot=True),
        Step("clear", clear),
    )

    @classmethod
    def on_undone(cls, run: Run, failure: Failure | None) -> None:
        """The image waits for data again, unless it is being deleted."""
        if failure is None:
            return
        Image.objects.filter(id=run.resource_id, status=states.IMPORTING).update(
            status=states.QUEUED,
            importing_to=[],
            failed_import=run.args["stores"],
            import_source="",
            upload_id="",
            incoming_size=0,
            updated_at=clock.now(),
            **reception.NO_FACTS,
        )
