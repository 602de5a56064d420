"""Flavor access on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, RootModel, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body


class FlavorAccessShown(Answer):
    """A project that may use a private flavor."""

    flavor_id: str
    tenant_id: str


class Tenant(Body):
    """``addTenantAccess`` and ``removeTenantAccess``."""

    tenant: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9-]{1,64}$")]


class AccessGranted(Body):
    """A project is let in."""

    add: Tenant = Field(alias="addTenantAccess")


class AccessWithdrawn(Body):
    """A project is shut out."""

    remove: Tenant = Field(alias="removeTenantAccess")


class AccessAction(RootModel[AccessGranted | AccessWithdrawn]):
    """The body of POST /flavors/{id}/action: exactly one key."""


def access_list(flavor_id: str, project_ids: Sequence[str]) -> dict[str, Any]:
    """Return the access list of a flavor."""
    return {
        "flavor_access": [
            {"flavor_id": flavor_id, "tenant_id": project_id} for project_id in project_ids
        ]
    }
