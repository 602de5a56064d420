"""/groups, their members, and /users/{id}/groups."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema

from identity.api.resource import NounViewSet, RelationViewSet, done, listed
from identity.api.serializers.groups import GROUP
from identity.api.serializers.users import USER
from identity.manager import GroupManager


class GroupViewSet(NounViewSet):
    """Several users who get a role by one assignment."""

    manager = GroupManager
    resource = GROUP
    in_domain = True

    list_of_user = extend_schema(operation_id="identity_user_groups_list")(
        listed(GroupManager.list_of_user)
    )


class GroupMemberViewSet(RelationViewSet):
    """Users in a group, with the hints of users; who is taken out loses his tokens."""

    manager = GroupManager
    resource = USER
    called = "group_members"
    list = listed(GroupManager.members)
    check = done(GroupManager.check_member)
    add = done(GroupManager.add_member)
    remove = done(GroupManager.remove_member)
