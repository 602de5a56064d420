"""Domains on the wire."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from identity.api.serializers.links import self_link
from identity.models import Domain


def domain_body(request: HttpRequest, domain: Domain) -> dict[str, Any]:
    """Return one domain."""
    return {
        "id": domain.pk,
        "name": domain.name,
        "description": domain.description,
        "enabled": domain.enabled,
        "options": {},
        "tags": [],
        "links": self_link(request, f"domains/{domain.pk}"),
    }
