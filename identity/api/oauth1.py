"""/OS-OAUTH1: a consumer asks for a token, a user lets it, the consumer gets it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Error, within
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest
from identity.api import shapes
from identity.api.serializers.oauth1 import Authorization, signed_request
from identity.api.views import stranger
from identity.manager import AccessTokenManager, RequestTokenManager

FORM = "application/x-www-form-urlencoded"
TOKEN = {(201, FORM): OpenApiTypes.STR, 401: Error}
SIGNATURE = OpenApiParameter(
    "Authorization", str, OpenApiParameter.HEADER, required=True, description="As RFC 5849 says."
)
PROJECT = OpenApiParameter(
    "Requested-Project-Id", str, OpenApiParameter.HEADER, required=True, description="Where to act."
)


class SignedViewSet(ServiceViewSet):
    """Requests of consumers, whose signature is all they show."""

    manager = RequestTokenManager

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Look at no token, whatever a client sends along."""
        return []

    def get_permissions(self) -> list[BasePermission]:
        """Let anyone ask: the signature is checked."""
        return [AllowAny()]

    @extend_schema(
        operation_id="identity_request_tokens_create",
        parameters=[SIGNATURE, PROJECT],
        request=None,
        responses=TOKEN,
    )
    def request_token(self, request: Request) -> HttpResponse:
        """Return a request token, which a user authorizes."""
        http = request._request
        project_id = request.headers.get("Requested-Project-Id")
        if not project_id:
            raise BadRequest("The header Requested-Project-Id is missing.")
        made = RequestTokenManager(stranger(http)).create(
            signed_request(http), project_id=project_id
        )
        return _form(made)

    @extend_schema(
        operation_id="identity_access_tokens_create",
        parameters=[SIGNATURE],
        request=None,
        responses=TOKEN,
    )
    def access_token(self, request: Request) -> HttpResponse:
        """Return an access token for a request token that was authorized, and its verifier."""
        http = request._request
        return _form(AccessTokenManager(stranger(http)).create(signed_request(http)))


class AuthorizationViewSet(ServiceViewSet):
    """Users let consumers act for them."""

    manager = RequestTokenManager

    @extend_schema(
        operation_id="identity_request_tokens_authorize",
        request=Authorization,
        responses={200: within("token", shapes.VerifierShown)},
    )
    def authorize(self, request: Request, token_id: str) -> Response:
        """Give a consumer some of one's roles; the answer has the verifier to tell it."""
        body = self.validated(Authorization)
        verifier = RequestTokenManager(self.context).authorize(
            token_id, roles=[role.wanted() for role in body.roles]
        )
        return Response({"token": {"oauth_verifier": verifier}})


def _form(fields: dict[str, str]) -> HttpResponse:
    answer = HttpResponse(urlencode(fields), status=201, content_type=FORM)
    answer.headers["Cache-Control"] = "no-store"
    return answer
