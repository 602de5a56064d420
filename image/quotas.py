"""How many images, and how much data, a project may have.

Data on its way counts from its first byte: ``Allowance`` takes room before the bytes are written and
notes it in the image's row (``incoming_size``), so that many uploads at once share one quota.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import Count, F, Sum

from identity import quotas
from image.models import Image
from image.querysets import ImageQuerySet

SERVICE = "image"
MIB = 1024**2
#: As much as came already is taken in advance, up to this: one look at the quota for each.
AHEAD = 16 * MIB

quotas.declare(SERVICE, {"image_count_total": 100, "image_size_total": 512_000})  # size in MiB


def used(project_id: str) -> dict[str, int]:
    """Count a project's images and the MiB of their data."""
    rows = Image.objects.all().live().filter(project_id=project_id)
    found = rows.aggregate(count=Count("id"), size=Sum(F("size") + F("incoming_size")))
    return {
        "image_count_total": found["count"],
        "image_size_total": _mib(found["size"] or 0),
    }


def reserve_image(project_id: str) -> None:
    """Raise QuotaExceeded unless one more image fits; call it in the transaction that creates."""
    quotas.reserve(
        project_id, SERVICE, wanted={"image_count_total": 1}, used=lambda: used(project_id)
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

    def cover(self, total: int) -> None:
        """Have room for so many bytes of this image. Raises QuotaExceeded, or what ``lost`` returns."""
        if total <= self._covered:
            return
        with transaction.atomic():
            covered = self._covered + self._take(total - self._covered)
            if not self._rows().update(incoming_size=covered - self._image.size):
                raise self._lost()
        self._covered = covered

    def _take(self, wanted: int) -> int:
        """Return how much more may be taken, at least what is wanted."""
        ahead = min(self._covered, AHEAD)
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


def _bytes(project_id: str) -> int:
    rows = Image.objects.all().live().filter(project_id=project_id)
    return rows.aggregate(size=Sum(F("size") + F("incoming_size")))["size"] or 0


def _mib(size: int) -> int:
    return -(-size // MIB)
