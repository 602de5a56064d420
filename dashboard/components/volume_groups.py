"""What pages show of groups of volumes, and what forms about them offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from cloudweb.context import RequestContext
from cloudweb.listing import Listing
from dashboard.components.status import Badge
from dashboard.components.volumes import OFFERED, Choices
from dashboard.components.volumes import called as volume_called
from volume.manager import GroupSnapshotManager, GroupTypeManager, VolumeManager
from volume.states import AT_REST, GroupSnapshotStatus, GroupStatus

if TYPE_CHECKING:
    from volume.models import Group, GroupSnapshot

#: So many points in time are shown on the page.
SHOWN = 50
_GROUPS = {
    GroupStatus.AVAILABLE: Badge("Ready", "success", "check"),
    GroupStatus.CREATING: Badge("Being made", "info", "loader-2", busy=True),
    GroupStatus.ERROR: Badge("Error", "danger", "alert-triangle", "One of its volumes failed."),
}
_SNAPSHOTS = {
    GroupSnapshotStatus.AVAILABLE: Badge("Ready", "success", "check"),
    GroupSnapshotStatus.CREATING: Badge("Being taken", "info", "loader-2", busy=True),
    GroupSnapshotStatus.DELETING: Badge("Deleting", "warning", "loader-2", busy=True),
    GroupSnapshotStatus.ERROR: Badge("Error", "danger", "alert-triangle"),
    GroupSnapshotStatus.ERROR_DELETING: Badge("Error", "danger", "alert-triangle"),
}


def called(row: Group | GroupSnapshot) -> str:
    """Return its name, or the id of one that has none."""
    return row.name or str(row.id)


def group_badge(group: Group) -> Badge:
    """Return what a group is."""
    return _GROUPS[GroupStatus(group.status)]


def snapshots_of(context: RequestContext, group: Group) -> Sequence[tuple[Any, Badge]]:
    """Return the points in time of a group, newest first."""
    asked = Listing(where=Q(group=group.id), order=("-created_at", "-id"), limit=SHOWN)
    rows = GroupSnapshotManager(context).list(asked, all_projects=True).rows
    return [(one, _SNAPSHOTS[GroupSnapshotStatus(one.status)]) for one in rows]


def group_types_of(context: RequestContext) -> Choices:
    """Return the kinds of groups that operators offer."""
    rows = GroupTypeManager(context).list(Listing(order=("name", "id"), limit=OFFERED)).rows
    return [(str(one.id), one.name) for one in rows]


def addable(context: RequestContext, group: Group) -> Choices:
    """Return the project's volumes that may come into a group."""
    types = [kind.id for kind in group.volume_types.all()]
    fits = Q(group__isnull=True, status__in=AT_REST, volume_type__in=types)
    rows = (
        VolumeManager(context).list(Listing(where=fits, order=("name", "id"), limit=OFFERED)).rows
    )
    return [(str(one.id), volume_called(one)) for one in rows]
