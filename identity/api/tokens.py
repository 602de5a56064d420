"""/auth: log-in, validation, log-out, and what the caller may scope to."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error, listing, within
from cloudweb.api.auth import HasToken
from cloudweb.api.errors import headers_for
from cloudweb.api.page_links import ListLinks
from cloudweb.api.queries import PRESENCE, parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from identity.api.lists import is_flag_set, whole
from identity.api.serializers.catalog import catalog_body
from identity.api.serializers.domains import DomainShown
from identity.api.serializers.oauth1 import signed_request
from identity.api.serializers.projects import ProjectShown
from identity.api.serializers.tokens import Auth, receipt_body, token_body
from identity.api.shapes import CatalogEntry, TokenShown
from identity.api.views import stranger
from identity.manager import CatalogManager, IssuedToken, TokenManager
from identity.manager.endpoint_filters import offers_to
from identity.receipts import MoreMethodsRequired

SUBJECT = OpenApiParameter(
    "X-Subject-Token", str, OpenApiParameter.HEADER, required=True, description="The token meant."
)
ISSUED = OpenApiParameter(
    "X-Subject-Token", str, OpenApiParameter.HEADER, required=True, response=[200, 201]
)
#: Names what was shown already, in the answer and in the next request.
RECEIPT = "Openstack-Auth-Receipt"
SHOWN = OpenApiParameter(
    RECEIPT, str, OpenApiParameter.HEADER, description="What was shown before."
)
TOKEN = within("token", TokenShown)
PROJECTS = listing("projects", ProjectShown, links=ListLinks)
DOMAINS = listing("domains", DomainShown, links=ListLinks)
SYSTEM = listing("system", dict[str, bool], links=ListLinks)
CATALOG = listing("catalog", CatalogEntry, links=ListLinks)
ABOUT_IT = parameters(nocatalog=PRESENCE)
EXPIRED = parameters(allow_expired=PRESENCE)


class TokenViewSet(ServiceViewSet):
    """/auth/tokens."""

    manager = TokenManager

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Log in without a token, whatever a client sends along."""
        method = getattr(self.request, "method", None)  # there is none while the schema is drawn
        return [] if method == "POST" else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        """Let anyone log in."""
        return [AllowAny() if self.request.method == "POST" else HasToken()]

    @extend_schema(
        operation_id="identity_tokens_issue",
        parameters=[ISSUED, SHOWN, *ABOUT_IT],
        request=within("auth", Auth),
        responses={201: TOKEN, 401: Error, 403: Error},
    )
    def create(self, request: Request) -> Response:
        """Log in or rescope; the token is in X-Subject-Token.

        Where a right password is not enough, the 401 has the header Openstack-Auth-Receipt: send it
        along with the rest.
        """
        wanted = self.validated(Auth, self.body("auth"))
        try:
            issued = TokenManager(stranger(request._request)).issue(
                proofs=wanted.proofs(signed_request(request._request)),
                scope=wanted.wanted_scope(),
                receipt=request.headers.get(RECEIPT),
            )
        except MoreMethodsRequired as error:
            headers = {RECEIPT: error.receipt.signed(), **headers_for(error, 401, request._request)}
            return Response(receipt_body(error), status=401, headers=headers)
        return self._answer(issued, issued.token.signed(), status=201)

    @extend_schema(
        operation_id="identity_tokens_validate",
        parameters=[SUBJECT, ISSUED, *ABOUT_IT, *EXPIRED],
        responses={200: TOKEN, 404: Error},
    )
    def show(self, request: Request) -> Response:
        """Return what the token in X-Subject-Token says."""
        subject = self._subject(request)
        expired_too = is_flag_set(request._request, "allow_expired")
        found = TokenManager(self.context).validate(subject, allow_expired=expired_too)
        return self._answer(found, subject, status=200)

    @extend_schema(
        operation_id="identity_tokens_check",
        parameters=[SUBJECT, *EXPIRED],
        responses={200: None, 404: Error},
    )
    def check(self, request: Request) -> Response:
        """Tell by the status alone whether the token in X-Subject-Token is valid."""
        subject = self._subject(request)
        expired_too = is_flag_set(request._request, "allow_expired")
        TokenManager(self.context).validate(subject, allow_expired=expired_too)
        return empty(200)

    @extend_schema(
        operation_id="identity_tokens_revoke",
        parameters=[SUBJECT],
        responses={204: None, 404: Error},
    )
    def destroy(self, request: Request) -> Response:
        """Void the token in X-Subject-Token."""
        TokenManager(self.context).revoke(self._subject(request))
        return empty(204)

    def _subject(self, request: Request) -> str:
        subject = request.headers.get("X-Subject-Token")
        if not subject:
            raise BadRequest("The header X-Subject-Token is missing.")
        return subject

    def _answer(self, issued: IssuedToken, text: str, *, status: int) -> Response:
        return answered(self.request._request, issued, text, status=status)


def answered(http: HttpRequest, issued: IssuedToken, text: str, *, status: int) -> Response:
    """Return a token: its text in X-Subject-Token, what it says in the body."""
    catalog: list[dict[str, Any]] | None = None
    if issued.place.is_somewhere and not is_flag_set(http, "nocatalog"):
        catalog = catalog_body(
            http, offers_to(issued.token.project_id), project_id=issued.token.project_id
        )
    body = token_body(http, issued, catalog)
    headers = {"X-Subject-Token": text, "Vary": "X-Auth-Token"}
    return Response(body, status=status, headers=headers)


class OwnScopesViewSet(ServiceViewSet):
    """What the caller's token could be rescoped to, and its catalog."""

    manager = TokenManager

    @extend_schema(operation_id="identity_auth_projects_list", responses={200: PROJECTS})
    def projects(self, request: Request) -> Response:
        """Return the projects the caller has a role on."""
        rows = self.shown_all(ProjectShown, TokenManager(self.context).projects())
        return whole(request._request, "projects", rows)

    @extend_schema(operation_id="identity_auth_domains_list", responses={200: DOMAINS})
    def domains(self, request: Request) -> Response:
        """Return the domains the caller has a role on."""
        rows = self.shown_all(DomainShown, TokenManager(self.context).domains())
        return whole(request._request, "domains", rows)

    @extend_schema(operation_id="identity_auth_system_get", responses={200: SYSTEM})
    def system(self, request: Request) -> Response:
        """Return the system if the caller has a role on it."""
        place = TokenManager(self.context).system()
        return whole(request._request, "system", [{"all": True}] if place else [])

    @extend_schema(operation_id="identity_auth_catalog_get", responses={200: CATALOG})
    def catalog(self, request: Request) -> Response:
        """Return the catalog of the token."""
        offers = CatalogManager(self.context).of_token()
        http = request._request
        project_id = self.context.project_id or ""
        return whole(http, "catalog", catalog_body(http, offers, project_id=project_id))
