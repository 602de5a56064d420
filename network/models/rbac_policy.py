"""Which projects may use what another has."""

from __future__ import annotations

from django.db import models

from network.models.standard import Standard
from network.querysets import RbacPolicyQuerySet

SHARED = "access_as_shared"
EXTERNAL = "access_as_external"
ANYBODY = "*"


class RbacPolicy(Standard):
    """One project, or all by ``*``, may use one object in one way.

    ``object_id`` is a row of the noun that ``object_type`` names (``network/sharing.py``).
    """

    object_type = models.CharField(max_length=32)
    object_id = models.UUIDField()
    action = models.CharField(max_length=32, choices=[(one, one) for one in (SHARED, EXTERNAL)])
    target_project = models.CharField(max_length=64)

    objects = RbacPolicyQuerySet.as_manager()

    class Meta(Standard.Meta):
        indexes = [
            models.Index(fields=["target_project", "object_type"], name="rbac_by_target"),
            models.Index(fields=["project_id", "created_at", "id"], name="rbac_by_age"),
            models.Index(fields=["created_at", "id"], name="rbac_all_by_age"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["object_id", "action", "target_project"], name="rbac_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.object_type} {self.object_id} for {self.target_project}"
