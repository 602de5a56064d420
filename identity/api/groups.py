"""/groups, their members, and /users/{id}/groups."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from identity.api.resource import NounViewSet
from identity.api.serializers.groups import GROUP
from identity.api.serializers.users import USER
from identity.manager import GroupManager


class GroupViewSet(NounViewSet):
    """Several users who get a role by one assignment."""

    manager = GroupManager
    resource = GROUP
    in_domain = True

    @extend_schema(operation_id="identity_user_groups_list")
    def list_of_user(self, request: Request, user_id: str) -> Response:
        """Return the groups a user is in."""
        return self.page_of(GroupManager(self.context).list_of_user, user_id)


class GroupMemberViewSet(NounViewSet):
    """Users in a group."""

    manager = GroupManager
    resource = USER
    called = "group_members"

    def list(self, request: Request, group_id: str) -> Response:
        """Return the users in a group, with the hints of users."""
        return self.page_of(GroupManager(self.context).members, group_id)

    @extend_schema(operation_id="identity_group_members_add", request=None, responses={204: None})
    def add(self, request: Request, group_id: str, user_id: str) -> Response:
        """Put a user into a group."""
        GroupManager(self.context).add_member(group_id, user_id)
        return empty(204)

    @extend_schema(operation_id="identity_group_members_check", responses={204: None})
    def check(self, request: Request, group_id: str, user_id: str) -> Response:
        """Tell by the status whether the user is in the group."""
        GroupManager(self.context).check_member(group_id, user_id)
        return empty(204)

    @extend_schema(operation_id="identity_group_members_remove", responses={204: None})
    def remove(self, request: Request, group_id: str, user_id: str) -> Response:
        """Take a user out, which ends his tokens."""
        GroupManager(self.context).remove_member(group_id, user_id)
        return empty(204)
