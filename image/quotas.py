"""How many images, and how much data, a project may have.

Data on its way counts from its first byte: ``Allowance`` takes room before the bytes are written and
notes it in the image's row (``incoming_size``), so that many uploads at once share one quota.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Func, IntegerField, Sum, Value
from django.db.models.functions import Greatest

from cloudweb.database import clock
from identity import quotas
from image import states
from image.models import Image
from image.querysets import ImageQuerySet

SERVICE = "image"
MIB = 1024**2
#: As much as came already is taken in advance, up to this: one look at the quota for each.
AHEAD = 16 * MIB

quotas.declare(
    SERVICE,
    # The size is in MiB, of all copies; uploading is what comes in, waits staged, or is imported.
    {"image_count_total": 100, "image_count_uploading": 32, "image_size_total": 512_000},
)


class _Length(Func):
    """The length of a list in a JSON column."""

    function = "JSON_ARRAY_LENGTH"
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Name it as PostgreSQL does."""
        return self.as_sql(compiler, connection, function="JSONB_ARRAY_LENGTH", **context)


#: Each copy counts, as clients of this service know it.
_SIZE = F("size") * Greatest(_Length("stores"), Value(1)) + F("incoming_size")


def used(project_id: str) -> dict[str, int]:
    """Count a project's images and the MiB of their data."""
    rows = Image.objects.all().live().filter(project_id=project_id)
    found = rows.aggregate(count=Count("id"), size=Sum(_SIZE))
    return {
        "image_count_total": found["count"],
        "image_count_uploading": _uploading(project_id).count(),
        "image_size_total": _mib(found["size"] or 0),
    }


def reserve_image(project_id: str) -> None:
    """Raise QuotaExceeded unless one more image fits; call it in the transaction that creates."""
    quotas.reserve(
        project_id, SERVICE, wanted={"image_count_total": 1}, used=lambda: used(project_id)
    )


def reserve_upload(image: Image) -> None:
    """Raise QuotaExceeded unless this image may come in, too; call it in the transaction that begins."""
    quotas.reserve(
        image.project_id,
        SERVICE,
        wanted={"image_count_uploading": 1},
        used=lambda: {
            "image_count_uploading": _uploading(image.project_id).exclude(id=image.id).count()
        },
    )


class Allowance:
    """How much data one image on its way may have by now.

    ``rows`` finds the image as long as this transfer is the one that may go on; ``lost`` says why it
    is not any more. What was taken is given back by whoever ends the transfer: ``incoming_size=0``.
    """

    def __init__(
        self, image: Image, rows: Callable[[], ImageQuerySet], *, lost: Callable[[], Exception]
    ) -> None:
        self._image, self._rows, self._lost = image, rows, lost
        self._covered = image.size + image.incoming_size

    def cover(self, total: int, *, exactly: bool = False) -> None:
        """Have room for so many bytes of this image, and for some ahead unless that is all.

        Raises QuotaExceeded, or what ``lost`` returns.
        """
        if total <= self._covered:
            return
        with transaction.atomic():
            ahead = 0 if exactly else min(self._covered, AHEAD)
            covered = self._covered + self._take(total - self._covered, ahead)
            if not self._rows().update(incoming_size=covered - self._image.size):
                raise self._lost()
        self._covered = covered

    def _take(self, wanted: int, ahead: int) -> int:
        """Return how much more may be taken, at least what is wanted."""
        project_id = self._image.project_id
        limit = quotas.locked_limits(project_id, SERVICE)["image_size_total"]
        if limit == quotas.UNLIMITED:
            return wanted + ahead
        taken = _bytes(project_id)
        room = limit * MIB - taken
        if wanted > room:
            counts = (_mib(wanted), _mib(taken), limit)
            raise quotas.exceeded({"image_size_total": counts})
        return min(wanted + ahead, room)


def _uploading(project_id: str) -> ImageQuerySet:
    rows = Image.objects.all().live().filter(project_id=project_id)
    return rows.busy().exclude(
        status__in=states.RECEIVING, upload_seen_at__lt=clock.now() - states.ABANDONED
    )


def _bytes(project_id: str) -> int:
    rows = Image.objects.all().live().filter(project_id=project_id)
    return rows.aggregate(size=Sum(_SIZE))["size"] or 0


def _mib(size: int) -> int:
    return -(-size // MIB)
