"""Flavor access on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import StringConstraints

from cloudweb.api.fields import Body


class Tenant(Body):
    """``addTenantAccess`` and ``removeTenantAccess``."""

    tenant: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9-]{1,64}$")]


def access_list(flavor_id: str, project_ids: Sequence[str]) -> dict[str, Any]:
    """Return the access list of a flavor."""
    return {
        "flavor_access": [
            {"flavor_id": flavor_id, "tenant_id": project_id} for project_id in project_ids
        ]
    }
