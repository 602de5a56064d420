"""/users/{id}/application_credentials and /users/{id}/access_rules."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.views import empty
from cloudweb.times import parse_moment
from identity.api.lists import Hints, hinted, listed
from identity.api.serializers.application_credentials import (
    ApplicationCredentialCreate,
    access_rule_body,
    application_credential_body,
)
from identity.api.views import IdentityViewSet
from identity.manager import ApplicationCredentialManager

_CREDENTIALS = "identity_application_credentials"
_RULES = "identity_access_rules"
HINTS = Hints(exact=("name",))
RULE_HINTS = Hints(exact=("service", "path", "method"))


class ApplicationCredentialViewSet(IdentityViewSet):
    """Log-ins of programs."""

    manager = ApplicationCredentialManager

    @extend_schema(
        operation_id=f"{_CREDENTIALS}_list", parameters=HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request, user_id: str) -> Response:
        """Return those of a user; hint name."""
        http = request._request
        rows = hinted(http, self.manager(self.context).list(user_id), HINTS)
        return listed(http, "application_credentials", rows, application_credential_body)

    @extend_schema(
        operation_id=f"{_CREDENTIALS}_create",
        request=ApplicationCredentialCreate,
        responses={201: dict},
    )
    def create(self, request: Request, user_id: str) -> Response:
        """Record one; this answer alone holds its secret."""
        body = self.wanted("application_credential", ApplicationCredentialCreate)
        expires_at = body.expires_at
        made = self.manager(self.context).create(
            user_id,
            name=body.name,
            description=body.description or "",
            secret=body.secret,
            roles=[role.wanted() for role in body.roles or ()],
            access_rules=[rule.wanted() for rule in body.access_rules or ()],
            expires_at=parse_moment(expires_at, field="expires_at") if expires_at else None,
            unrestricted=bool(body.unrestricted),
        )
        shown = application_credential_body(request._request, made.row)
        answer = {"application_credential": {**shown, "secret": made.secret}}
        return Response(answer, status=201)

    @extend_schema(operation_id=f"{_CREDENTIALS}_get", responses={200: dict})
    def retrieve(self, request: Request, user_id: str, credential_id: str) -> Response:
        """Return one."""
        row = self.manager(self.context).get(user_id, credential_id)
        body = application_credential_body(request._request, row)
        return Response({"application_credential": body})

    @extend_schema(operation_id=f"{_CREDENTIALS}_delete", responses={204: None})
    def destroy(self, request: Request, user_id: str, credential_id: str) -> Response:
        """Remove one and void its tokens."""
        self.manager(self.context).delete(user_id, credential_id)
        return empty(204)


class AccessRuleViewSet(IdentityViewSet):
    """Requests that application credentials may make."""

    manager = ApplicationCredentialManager

    @extend_schema(
        operation_id=f"{_RULES}_list", parameters=RULE_HINTS.parameters, responses={200: dict}
    )
    def list(self, request: Request, user_id: str) -> Response:
        """Return those of a user; hints service, path, method."""
        http = request._request
        rows = self.manager(self.context).list_rules(user_id)
        rows = hinted(http, rows, RULE_HINTS)
        return listed(http, "access_rules", rows, access_rule_body)

    @extend_schema(operation_id=f"{_RULES}_get", responses={200: dict})
    def retrieve(self, request: Request, user_id: str, rule_id: str) -> Response:
        """Return one."""
        rule = self.manager(self.context).get_rule(user_id, rule_id)
        return Response({"access_rule": access_rule_body(request._request, rule)})

    @extend_schema(operation_id=f"{_RULES}_delete", responses={204: None})
    def destroy(self, request: Request, user_id: str, rule_id: str) -> Response:
        """Remove one that is not in use."""
        self.manager(self.context).delete_rule(user_id, rule_id)
        return empty(204)
