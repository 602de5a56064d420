"""What lies with volumes only for who is at work, and nobody is: points of backups, bitmaps, locks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models import Q

from cloudweb.identifiers import as_uuid
from cloudweb.rpc import Order
from operations.holding import held_among
from operations.saga import Run
from reconciliation import conf
from reconciliation.kinds import Finding, Kind, declare
from volume.models import Attachment, Backup, Volume
from volume.objects import Held, Leftover
from volume.rpc import CLEAR
from volume.states import AT_REST, BackupStatus

if TYPE_CHECKING:
    from reconciliation.models import Difference

POINT, BITMAP, LOCK = "backup_point_unknown", "volume_bitmap_unknown", "volume_lock_unknown"
KINDS = {"point": POINT, "bitmap": BITMAP, "lock": LOCK}
LONGEST = 255  # of what a difference is about
#: Looked up in one statement.
ROWS = 500


def read_among(point_ids: Collection[str]) -> set[str]:
    """Return the ids under which something is held of which a backup is taken, or an image made, just now."""
    ids = {key: name for name in point_ids if (key := as_uuid(name)) is not None}
    taken = Backup.objects.filter(id__in=[*ids], status=BackupStatus.CREATING)
    found = {ids[key] for key in taken.values_list("id", flat=True)}
    return found | held_among("image", point_ids)


def find_leftovers(host: str, held: Held) -> Mapping[str, Sequence[Finding]]:
    """Return what lies with a host's volumes for nobody.

    Each host of a Ceph names the locks of all volumes that another one let somebody have.
    """
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for start in range(0, len(held.left), ROWS):
        for left, row in _needless(host, held.left[start : start + ROWS]):
            subject = {"point": left.name, "lock": left.volume.id}.get(
                left.kind, f"{left.volume.id} {left.name}"
            )
            at_work = "" if row is None else str(row.id)
            facts = {"left": left.dump()}
            found[KINDS[left.kind]].append(
                Finding(subject[:LONGEST], _sentence(left), at_work, facts)
            )
    return {kind: found[kind] for kind in KINDS.values()}


def _sentence(left: Leftover) -> str:
    if left.kind == "point":
        return f"A volume is still held as it was for backup {left.name}, which nobody takes."
    if left.kind == "bitmap":
        return f"The file of volume {left.volume.id} has a bitmap {left.name}, which no backup of ours needs."
    return f"Volume {left.volume.id} is locked in its back end, and no server has it."


def _needless(host: str, some: Sequence[Leftover]) -> Iterator[tuple[Leftover, Volume | None]]:
    """Give those that nobody is at work on who could need them, each with its volume if that is of the host."""
    ids = {key: one.volume.id for one in some if (key := as_uuid(one.volume.id)) is not None}
    known_as = Q(name_id__in=[*ids]) | Q(name_id=None, id__in=[*ids])
    settled = Volume.objects.settled().filter(known_as, pool__host=host)
    rows = {ids[row.name_id or row.id]: row for row in settled}
    read = read_among({one.name for one in some if one.kind == "point"})
    of_these = Attachment.objects.filter(volume__in=[row.id for row in rows.values()])
    attached = {*of_these.values_list("volume_id", flat=True)}
    for left in some:
        row = rows.get(left.volume.id)
        rests = row is not None and row.status in AT_REST
        needless = {
            "point": left.name not in read and (row is not None or not left.volume.id),
            "bitmap": rests,
            "lock": rests and row is not None and row.id not in attached,
        }
        if needless[left.kind]:
            yield left, row


def _is_true(difference: Difference) -> bool:
    left = Leftover.load(difference.facts["left"])
    return any(_needless(difference.host, [left]))


def _clear(_run: Run, difference: Difference) -> Order:
    left = Leftover.load(difference.facts["left"])
    scope = left.volume.id or left.name
    return CLEAR.order(host=difference.host, resource_id=scope, payload=left)


declare(
    Kind(
        name=POINT,
        title="Point of a backup that nobody takes",
        remedy="The volume is held no more: what was kept aside for the backup goes.",
        is_true=_is_true,
        heal=_clear,
        hold=conf.HOLD,
        resource_type="volume",
    ),
    Kind(
        name=BITMAP,
        title="Bitmap that no backup needs",
        remedy="The bitmap is taken out of the volume's file.",
        is_true=_is_true,
        heal=_clear,
        hold=conf.HOLD,
        resource_type="volume",
    ),
    Kind(
        name=LOCK,
        title="Lock of a volume that no server has",
        remedy="Whoever has the lock is put out, where that is a client of Ceph or a program of ours.",
        is_true=_is_true,
        heal=_clear,
        hold=conf.HOLD,
        resource_type="volume",
    ),
)
