"""RBAC policies on the wire."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from cloudweb.api.filters import equal, identifier
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Change, Creation, Id, ProjectId, StandardShown

ObjectType = Literal[
    "network", "security_group", "subnetpool", "address_scope", "address_group", "qos_policy"
]
Action = Literal["access_as_shared", "access_as_external"]


class RbacPolicyCreate(Creation):
    """POST /rbac-policies."""

    object_type: ObjectType
    object_id: UUID
    action: Action
    target_project: ProjectId = Field(alias="target_tenant")


class RbacPolicyUpdate(Change):
    """PUT /rbac-policies/{id}: who it is for."""

    target_project: ProjectId = Field(default="", alias="target_tenant")


class RbacPolicyShown(StandardShown):
    """A policy."""

    object_type: str
    object_id: Id
    action: str
    target_tenant: Annotated[str, Of("target_project")]


RBAC_POLICY = Resource(
    singular="rbac_policy",
    plural="rbac_policies",
    answer=RbacPolicyShown,
    create=RbacPolicyCreate,
    update=RbacPolicyUpdate,
    filters={
        **STANDARD_FILTERS,
        "object_type": equal("object_type"),
        "object_id": identifier("object_id"),
        "action": equal("action"),
        "target_tenant": equal("target_project"),
    },
    sort_keys={
        **STANDARD_SORT_KEYS,
        "object_type": "object_type",
        "object_id": "object_id",
        "action": "action",
        "target_tenant": "target_project",
    },
)
