"""Trusts on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, NaturalNumber, PositiveNumber
from cloudweb.api.page_links import ListLinks
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Form, Of, Scene, Seen, shown
from cloudweb.times import micros_z, parse_moment
from identity.api.filters import anything
from identity.api.serializers.application_credentials import Moment, RoleReference
from identity.api.serializers.attributes import SelfLink, own_links
from identity.api.serializers.projects import Id
from identity.api.serializers.roles import RoleShown
from identity.manager.trusts import MOST_REDELEGATIONS
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

    def said(self) -> dict[str, Any]:
        """Return what the client said, parts as the manager takes them."""
        said = super().said()
        said["roles"] = [role.wanted() for role in self.roles or ()]
        if said.get("expires_at"):
            said["expires_at"] = parse_moment(said["expires_at"], field="expires_at")
        count, most = self.redelegation_count, MOST_REDELEGATIONS
        if not said.pop("allow_redelegation", None):
            count, most = 0, 0
        return {**said, "redelegation_count": most if count is None else count}


def _place_of_roles(row: Trust, scene: Scene) -> dict[str, str | None]:
    own = scene.url(f"OS-TRUST/trusts/{row.pk}/roles")
    return {"self": own, "next": None, "previous": None}


class TrustShown(Answer):
    """What one user delegates to another, with its roles."""

    id: str
    trustor_user_id: Annotated[str, Of("trustor_id")]
    trustee_user_id: Annotated[str, Of("trustee_id")]
    project_id: str | None
    impersonation: bool
    expires_at: Annotated[str | None, Form(micros_z)]
    deleted_at: Annotated[str | None, Form(micros_z)]
    remaining_uses: int | None
    redelegation_count: int
    redelegated_trust_id: Annotated[str | None, Of("redelegated_from_id")]
    roles: Annotated[
        list[RoleShown], Seen(lambda row, scene: shown(RoleShown, row.roles.all(), scene))
    ]
    roles_links: Annotated[ListLinks, Seen(_place_of_roles)]
    links: Annotated[SelfLink, own_links("OS-TRUST/trusts")]


TRUST = Resource(
    singular="trust",
    plural="trusts",
    answer=TrustShown,
    create=TrustCreate,
    filters=dict.fromkeys(("trustor_user_id", "trustee_user_id"), anything),
)
