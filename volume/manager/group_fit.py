"""Which volumes fit into a group."""

from __future__ import annotations

from uuid import UUID

from cloudweb.exceptions import BadRequest
from volume.exceptions import GroupNotFound, InvalidGroup
from volume.manager.volume_type import number
from volume.models import Group


def group_for(group_id: str | None, *, project_id: str, type_id: UUID) -> Group | None:
    """Return the group that a new volume is put into; raise BadRequest where it does not fit."""
    if group_id is None:
        return None
    group = Group.objects.filter(pk=number(group_id), project_id=project_id).first()
    if group is None:
        raise BadRequest(GroupNotFound(group_id).message)
    check_type(group, type_id)
    return group


def check_type(group: Group, type_id: UUID) -> None:
    """Raise InvalidGroup for a volume type that is none of the group's."""
    if not group.volume_types.filter(pk=type_id).exists():
        raise InvalidGroup(f"volume type {type_id} is none of the types of group {group.id}.")
