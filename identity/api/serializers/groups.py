"""Groups on the wire."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cloudweb.api.fields import Name
from identity.api.serializers.attributes import OpenBody, invented
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import READ_ONLY, Description, Id
from identity.models import Group


class GroupCreate(OpenBody):
    """POST /groups."""

    name: Name
    domain_id: Id | None = None
    description: Description | None = None


class GroupUpdate(OpenBody):
    """PATCH /groups/{id}."""

    name: Name = ""
    domain_id: Id = ""
    description: Description | None = None


def extra_of(body: GroupCreate | GroupUpdate) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=READ_ONLY)


def group_body(request: HttpRequest, group: Group) -> dict[str, Any]:
    """Return one group."""
    return {
        **group.extra,
        "id": group.pk,
        "name": group.name,
        "domain_id": group.domain_id,
        "description": group.description,
        "links": self_link(request, f"groups/{group.pk}"),
    }
