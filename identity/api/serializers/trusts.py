"""Trusts on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from pydantic import Field

from cloudweb.api.fields import Body, NaturalNumber, PositiveNumber
from cloudweb.api.shown import Scene, shown
from cloudweb.times import micros_z
from identity.api.serializers.application_credentials import Moment, RoleReference
from identity.api.serializers.links import self_link, v3_url
from identity.api.serializers.projects import Id
from identity.api.serializers.roles import RoleShown
from identity.models import Trust


class TrustCreate(Body):
    """POST /OS-TRUST/trusts."""

    trustor_user_id: Id
    trustee_user_id: Id
    impersonation: bool
    project_id: Id | None = None
    roles: Annotated[tuple[RoleReference, ...], Field(max_length=64)] | None = None
    expires_at: Moment | None = None
    remaining_uses: PositiveNumber | None = None
    allow_redelegation: bool | None = None
    redelegation_count: NaturalNumber | None = None


def trust_body(request: HttpRequest, trust: Trust) -> dict[str, Any]:
    """Return one trust with its roles."""
    path = f"OS-TRUST/trusts/{trust.pk}"
    return {
        "id": trust.pk,
        "trustor_user_id": trust.trustor_id,
        "trustee_user_id": trust.trustee_id,
        "project_id": trust.project_id,
        "impersonation": trust.impersonation,
        "expires_at": micros_z(trust.expires_at),
        "deleted_at": micros_z(trust.deleted_at),
        "remaining_uses": trust.remaining_uses,
        "redelegation_count": trust.redelegation_count,
        "redelegated_trust_id": trust.redelegated_from_id,
        "roles": shown(RoleShown, trust.roles.all(), Scene(request)),
        "roles_links": {"self": v3_url(request, f"{path}/roles"), "next": None, "previous": None},
        "links": self_link(request, path),
    }
