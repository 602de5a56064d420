"""What becomes of a group whose volumes are being made."""

from __future__ import annotations

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from operations.saga import Run
from volume.models import Group, Volume
from volume.states import GroupStatus, VolumeStatus

_MAKING = (VolumeStatus.CREATING, VolumeStatus.DOWNLOADING)


def hold_group(run: Run) -> Group | None:
    """Lock the group that is made with the volume, before the volume's row; None where none is.

    So of two volumes that are ready at the same time the second sees the first.
    """
    key = run.args.get("makes_group")
    return locked(Group.objects.filter(pk=key)).first() if key else None


def settle_group(group: Group | None) -> None:
    """Say what a group is once none of its volumes is being made any more."""
    if group is None or group.status != GroupStatus.CREATING:
        return
    found = {*Volume.objects.filter(group=group).values_list("status", flat=True)}
    if found.isdisjoint(_MAKING):
        status = GroupStatus.ERROR if VolumeStatus.ERROR in found else GroupStatus.AVAILABLE
        Group.objects.filter(pk=group.pk).update(status=status, updated_at=now())
