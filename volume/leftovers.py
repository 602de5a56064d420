"""What lies with volumes only for who is at work, and nobody is: points of backups, bitmaps, locks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.db.models import Q

from cloudweb.identifiers import as_uuid
from cloudweb.rpc import Order
from operations.holding import is_held
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


def is_read(point_id: str) -> bool:
    """Tell whether a backup is taken, or an image made, of what was held under an id."""
    key = as_uuid(point_id)
    taken = key is not None and Backup.objects.filter(id=key, status=BackupStatus.CREATING).exists()
    return taken or is_held("image", point_id)


def find_leftovers(host: str, held: Held) -> Mapping[str, Sequence[Finding]]:
    """Return what lies with a host's volumes for nobody."""
    found: defaultdict[str, list[Finding]] = defaultdict(list)
    for left in held.left:
        row = _volume(host, left)
        if _is_left(left, row):
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


def _volume(host: str, left: Leftover) -> Volume | None:
    """Return the volume that something lies with, if it is of this host."""
    key = as_uuid(left.volume.id)
    known_as = Q(name_id=key) | Q(name_id=None, id=key)
    rows = Volume.objects.settled().filter(known_as, pool__host=host)
    return None if key is None else rows.first()


def _is_left(left: Leftover, row: Volume | None) -> bool:
    """Tell whether nobody is at work that could need it."""
    if left.kind == "point":
        return not is_read(left.name) and (row is not None or not left.volume.id)
    if row is None or row.status not in AT_REST:
        return False
    return left.kind == "bitmap" or not Attachment.objects.filter(volume=row).exists()


def _is_true(difference: Difference) -> bool:
    left = Leftover.load(difference.facts["left"])
    return _is_left(left, _volume(difference.host, left))


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
