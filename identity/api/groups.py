"""/groups, their members, and /users/{id}/groups."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error
from cloudweb.api.views import empty
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.groups import GroupCreate, GroupUpdate, extra_of, group_body
from identity.api.serializers.users import user_body
from identity.api.users import HINTS as USERS
from identity.api.users import hinted_users
from identity.api.views import IdentityViewSet, described, given
from identity.manager import GroupManager
from identity.models import Group

HINTS = Hints(exact=("name", "domain_id"))


class GroupViewSet(IdentityViewSet):
    """Several users who get a role by one assignment."""

    manager = GroupManager

    @extend_schema(
        operation_id="identity_groups_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the groups; hints name and domain_id."""
        http = request._request
        rows = hinted(http, GroupManager(self.context).list(), HINTS)
        return listed(http, "groups", rows, group_body)

    @extend_schema(
        operation_id="identity_user_groups_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list_of_user(self, request: Request, user_id: str) -> Response:
        """Return the groups a user is in."""
        http = request._request
        rows = hinted(http, GroupManager(self.context).list_of_user(user_id), HINTS)
        return listed(http, "groups", rows, group_body)

    @extend_schema(
        operation_id="identity_groups_create",
        request=GroupCreate,
        responses={201: dict, 404: Error},
    )
    def create(self, request: Request) -> Response:
        """Record a group."""
        body = self.wanted("group", GroupCreate)
        group = GroupManager(self.context).create(
            name=body.name,
            domain_id=body.domain_id or self.own_domain_id,
            description=body.description or "",
            extra=extra_of(body),
        )
        return self._answer(group, status=201)

    @extend_schema(operation_id="identity_groups_get", responses={200: dict})
    def retrieve(self, request: Request, group_id: str) -> Response:
        """Return one group."""
        return self._answer(GroupManager(self.context).get(group_id))

    @extend_schema(
        operation_id="identity_groups_update", request=GroupUpdate, responses={200: dict}
    )
    def partial_update(self, request: Request, group_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("group", GroupUpdate)
        changes: dict[str, Any] = given(body, "name") | described(body)
        if extra := extra_of(body):
            changes["extra"] = extra
        fixed = given(body, "domain_id")
        return self._answer(GroupManager(self.context).update(group_id, fixed=fixed, **changes))

    @extend_schema(operation_id="identity_groups_delete", responses={204: None})
    def destroy(self, request: Request, group_id: str) -> Response:
        """Remove a group; its members lose what they had by it."""
        GroupManager(self.context).delete(group_id)
        return empty(204)

    def _answer(self, group: Group, *, status: int = 200) -> Response:
        return Response({"group": group_body(self.request._request, group)}, status=status)


class GroupMemberViewSet(IdentityViewSet):
    """Users in a group."""

    manager = GroupManager

    @extend_schema(
        operation_id="identity_group_members_list",
        parameters=USERS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request, group_id: str) -> Response:
        """Return the users in a group, with the hints of users."""
        http = request._request
        rows = hinted_users(http, GroupManager(self.context).members(group_id))
        return listed(http, "users", rows, user_body)

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
