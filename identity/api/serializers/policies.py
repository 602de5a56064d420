"""Policies on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import StringConstraints

from cloudweb.api.fields import Name
from identity.api.serializers.attributes import OpenBody, invented
from identity.api.serializers.links import self_link
from identity.api.serializers.projects import READ_ONLY
from identity.models import Policy

Blob = Annotated[str, StringConstraints(max_length=262_144)]


class PolicyCreate(OpenBody):
    """POST /policies."""

    type: Name
    blob: Blob


class PolicyUpdate(OpenBody):
    """PATCH /policies/{id}."""

    type: Name = ""
    blob: Blob = ""


def extra_of(body: PolicyCreate | PolicyUpdate) -> dict[str, Any]:
    """Return the attributes the client invented."""
    return invented(body, reserved=READ_ONLY)


def policy_body(request: HttpRequest, policy: Policy) -> dict[str, Any]:
    """Return one policy."""
    return {
        **policy.extra,
        "id": policy.pk,
        "type": policy.type,
        "blob": policy.blob,
        "links": self_link(request, f"policies/{policy.pk}"),
    }
