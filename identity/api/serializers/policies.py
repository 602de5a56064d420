"""Policies on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from cloudweb.api.answers import OpenAnswer
from cloudweb.api.fields import Name
from cloudweb.api.resource import Resource
from identity.api.filters import exactly
from identity.api.serializers.attributes import OpenBody, SelfLink, own_links

Blob = Annotated[str, StringConstraints(max_length=262_144)]


class PolicyCreate(OpenBody):
    """POST /policies."""

    type: Name
    blob: Blob


class PolicyUpdate(PolicyCreate):
    """PATCH /policies/{id}."""

    type: Name = ""
    blob: Blob = ""


class PolicyShown(OpenAnswer):
    """A document of another service."""

    INVENTED = "extra"

    id: str
    type: str
    blob: str
    links: Annotated[SelfLink, own_links("policies")]


POLICY = Resource(
    singular="policy",
    plural="policies",
    answer=PolicyShown,
    create=PolicyCreate,
    update=PolicyUpdate,
    filters={"type": exactly("type")},
)
