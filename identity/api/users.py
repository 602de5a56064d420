"""/users."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error
from cloudweb.api.auth import HasToken, remote_address
from cloudweb.api.filters import bounded
from cloudweb.api.views import empty
from cloudweb.context import RequestContext
from cloudweb.exceptions import InvalidInput
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.users import (
    PasswordChange,
    UserCreate,
    UserUpdate,
    extra_of,
    user_body,
)
from identity.api.views import IdentityViewSet, given
from identity.manager import UserManager
from identity.models import User

HINTS = Hints(exact=("name", "domain_id"), flags=("enabled",), others=("password_expires_at",))


class UserViewSet(IdentityViewSet):
    """People and programs that log in."""

    manager = UserManager

    def get_permissions(self) -> list[BasePermission]:
        """Let anyone change a password he knows."""
        return [AllowAny() if getattr(self, "action", "") == "change_password" else HasToken()]

    @extend_schema(
        operation_id="identity_users_list",
        parameters=HINTS.parameters,
        responses={200: dict},
    )
    def list(self, request: Request) -> Response:
        """Return the users; hints name, domain_id, enabled, password_expires_at (``lt:…``)."""
        http = request._request
        return listed(
            http, "users", hinted_users(http, UserManager(self.context).list()), user_body
        )

    @extend_schema(
        operation_id="identity_users_create",
        request=UserCreate,
        responses={201: dict, 404: Error},
    )
    def create(self, request: Request) -> Response:
        """Record a user."""
        body = self.wanted("user", UserCreate)
        user = UserManager(self.context).create(
            name=body.name,
            domain_id=body.domain_id or self.own_domain_id,
            password=body.password,
            default_project_id=body.default_project_id,
            email=body.email or "",
            description=body.description or "",
            enabled=body.enabled,
            lock_password=bool(body.options.lock_password),
            options={name: one for name, one in body.options.kept().items() if one is not None},
            extra=extra_of(body),
        )
        return self._answer(user, status=201)

    @extend_schema(operation_id="identity_users_get", responses={200: dict})
    def retrieve(self, request: Request, user_id: str) -> Response:
        """Return one user."""
        return self._answer(UserManager(self.context).get(user_id))

    @extend_schema(operation_id="identity_users_update", request=UserUpdate, responses={200: dict})
    def partial_update(self, request: Request, user_id: str) -> Response:
        """Change what the body names, keep the rest."""
        body = self.wanted("user", UserUpdate)
        changes: dict[str, Any] = given(body, "name", "enabled", "password", "default_project_id")
        for field in ("email", "description"):
            if field in body.model_fields_set:
                changes[field] = getattr(body, field) or ""
        if "lock_password" in body.options.model_fields_set:
            changes["lock_password"] = bool(body.options.lock_password)
        if options := body.options.kept():
            changes["options"] = options
        if extra := extra_of(body):
            changes["extra"] = extra
        fixed = given(body, "domain_id")
        return self._answer(UserManager(self.context).update(user_id, fixed=fixed, **changes))

    @extend_schema(operation_id="identity_users_delete", responses={204: None})
    def destroy(self, request: Request, user_id: str) -> Response:
        """Remove a user."""
        UserManager(self.context).delete(user_id)
        return empty(204)

    @extend_schema(
        operation_id="identity_users_password",
        request=PasswordChange,
        responses={204: None, 401: Error},
    )
    def change_password(self, request: Request, user_id: str) -> Response:
        """Change one's own password; who knows it needs no token, so an expired one can be changed.

        ``passcode`` is a one-time password or a recovery code, for users with a second factor.
        """
        body = self.wanted("user", PasswordChange)
        UserManager(self._caller()).change_password(
            user_id,
            original_password=body.original_password,
            password=body.password,
            passcode=body.passcode or "",
        )
        return empty(204)

    def _caller(self) -> RequestContext:
        """Return the context of the token, or of somebody who has none."""
        if isinstance(self.request.auth, RequestContext):
            return self.request.auth
        http = self.request._request
        return RequestContext(
            request_id=getattr(http, "request_id", ""), remote_address=remote_address(http)
        )

    def _answer(self, user: User, *, status: int = 200) -> Response:
        return Response({"user": user_body(self.request._request, user)}, status=status)


#: What an operator before a time asks of a column; equality where there is none.
COMPARISONS = {"lt": "__lt", "lte": "__lte", "gt": "__gt", "gte": "__gte", "eq": "", "neq": ""}


def hinted_users(request: HttpRequest, rows: QuerySet[User]) -> QuerySet[User]:
    """Narrow users by the query."""
    rows = hinted(request, rows, HINTS)
    times = bounded(request.GET.getlist("password_expires_at"), field="password_expires_at")
    for asked in times:
        operator, found, written = asked.partition(":")
        if not found or operator not in COMPARISONS:
            operator, written = "eq", asked
        try:
            moment = parse_datetime(written.replace(" ", "+"))
        except ValueError:
            moment = None
        if moment is None:
            raise InvalidInput(
                field="password_expires_at", value=asked, reason="Write lt:2026-01-31T10:11:12Z."
            )
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        condition = Q(**{f"password_expires_at{COMPARISONS[operator]}": moment})
        rows = rows.exclude(condition) if operator == "neq" else rows.filter(condition)
    return rows
