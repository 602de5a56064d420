"""OAuth 1.0a on the wire: consumers, access tokens, and what a signature covers."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from django.http import HttpRequest
from pydantic import Field

from cloudweb.api.fields import Body
from cloudweb.api.links import base_url
from cloudweb.times import micros_z
from identity.api.serializers.application_credentials import RoleReference
from identity.api.serializers.attributes import OpenBody, invented
from identity.api.serializers.links import self_link, v3_url
from identity.api.serializers.projects import Description
from identity.models import AccessToken, Consumer
from identity.oauth1 import SignedRequest

FIXED = OpenBody.READ_ONLY | {"secret"}


class ConsumerWritten(OpenBody):
    """POST /OS-OAUTH1/consumers and PATCH /OS-OAUTH1/consumers/{id}."""

    description: Description | None = None


class Authorization(Body):
    """PUT /OS-OAUTH1/authorize/{id}."""

    roles: Annotated[tuple[RoleReference, ...], Field(min_length=1, max_length=64)]


def extra_of(body: ConsumerWritten) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=FIXED)


def signed_request(request: HttpRequest) -> SignedRequest:
    """Return a request as its consumer may have signed it: by PUBLIC_URL, or by the name it came by."""
    bases = dict.fromkeys([base_url(request), f"{request.scheme}://{request.get_host()}"])
    query = request.META.get("QUERY_STRING", "")
    path = f"{request.path}?{query}" if query else request.path
    return SignedRequest(
        method=str(request.method),
        urls=[f"{base}{path}" for base in bases if urlsplit(base).netloc],
        authorization=request.headers.get("Authorization", ""),
    )


def consumer_body(
    request: HttpRequest, consumer: Consumer, *, secret: str | None = None
) -> dict[str, Any]:
    """Return one consumer; its secret where it was just drawn."""
    body = {
        **consumer.extra,
        "id": consumer.pk,
        "description": consumer.description,
        "links": self_link(request, f"OS-OAUTH1/consumers/{consumer.pk}"),
    }
    return body | ({"secret": secret} if secret is not None else {})


def access_token_body(request: HttpRequest, token: AccessToken) -> dict[str, Any]:
    """Return one access token; its secret is the consumer's alone."""
    path = f"users/{token.user_id}/OS-OAUTH1/access_tokens/{token.pk}"
    return {
        "id": token.pk,
        "consumer_id": token.consumer_id,
        "project_id": token.project_id,
        "authorizing_user_id": token.user_id,
        "expires_at": micros_z(token.expires_at),
        "links": {**self_link(request, path), "roles": v3_url(request, f"{path}/roles")},
    }
