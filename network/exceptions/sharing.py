"""What goes wrong with what projects share. Clients of the network API see the class names as error types."""

from __future__ import annotations

from collections.abc import Collection

from cloudweb.exceptions import Conflict
from network.exceptions import Missing


class RbacPolicyNotFound(Missing):
    """No such policy, or none the caller may see."""

    code = "rbac_policy_not_found"
    noun = "RBAC policy"


class RbacPolicyInUse(Conflict):
    """Projects use the object by this policy alone."""

    code = "rbac_policy_in_use"

    def __init__(self, object_id: object, *, projects: Collection[str]) -> None:
        super().__init__(
            f"RBAC policy on object {object_id} cannot be removed because other objects depend on it. "
            f"Details: projects {', '.join(sorted(projects)[:5])} use it."
        )


class DuplicateRbacPolicy(Conflict):
    """The same is allowed already."""

    code = "duplicate_rbac_policy"
    default_message = "An RBAC policy already exists with those values."
