"""OAuth 1.0a on the wire: consumers, access tokens, and what a signature covers."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from django.http import HttpRequest
from pydantic import Field

from cloudweb.api.answers import Answer, OpenAnswer
from cloudweb.api.fields import Body
from cloudweb.api.links import base_url
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of, Scene, Seen
from cloudweb.times import micros_z
from identity.api.serializers.application_credentials import RoleReference
from identity.api.serializers.attributes import NEVER, OpenBody, SelfLink, own_links
from identity.api.serializers.projects import Description
from identity.models import AccessToken
from identity.oauth1 import SignedRequest


class ConsumerWritten(OpenBody):
    """POST /OS-OAUTH1/consumers and PATCH /OS-OAUTH1/consumers/{id}."""

    READ_ONLY = OpenBody.READ_ONLY | {"secret"}

    description: Description | None = None


class Authorization(Body):
    """PUT /OS-OAUTH1/authorize/{id}."""

    roles: Annotated[tuple[RoleReference, ...], Field(min_length=1, max_length=64)]


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


class ConsumerShown(OpenAnswer):
    """A program that acts for users who let it; ``secret`` is in the answer that made it alone."""

    INVENTED = "extra"

    id: str
    description: str
    secret: Annotated[str | None, NEVER] = None
    links: Annotated[SelfLink, own_links("OS-OAUTH1/consumers")]


class AccessTokenLinks(SelfLink):
    """Where an access token and its roles are."""

    roles: str


def _places(row: AccessToken, scene: Scene) -> dict[str, str]:
    own = scene.url(f"users/{row.user_id}/OS-OAUTH1/access_tokens/{row.pk}")
    return {"self": own, "roles": f"{own}/roles"}


class AccessTokenShown(Answer):
    """What a consumer may do for a user; its secret is the consumer's alone."""

    id: str
    consumer_id: str
    project_id: str
    authorizing_user_id: Annotated[str, Of("user_id")]
    expires_at: Annotated[str, Form(micros_z)]
    links: Annotated[AccessTokenLinks, Seen(_places)]


CONSUMER = Resource(
    singular="consumer",
    plural="consumers",
    answer=ConsumerShown,
    create=ConsumerWritten,
    update=ConsumerWritten,
)
ACCESS_TOKEN = Resource(singular="access_token", plural="access_tokens", answer=AccessTokenShown)
