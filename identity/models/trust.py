"""Trusts: a user lets another act with some of his roles on a project."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.project import Project
from identity.models.role import Role
from identity.models.user import User


class Trust(models.Model):
    """What a trustor delegates to a trustee; a deleted one is kept, for its id may be asked for."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    trustor = models.ForeignKey(User, on_delete=models.CASCADE, related_name="trusts_given")
    trustee = models.ForeignKey(User, on_delete=models.CASCADE, related_name="trusts_held")
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="trusts"
    )
    impersonation = models.BooleanField()
    expires_at = models.DateTimeField(null=True, blank=True)
    remaining_uses = models.PositiveIntegerField(null=True, blank=True)
    redelegation_count = models.PositiveSmallIntegerField(default=0)
    redelegated_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.CASCADE, related_name="redelegations"
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    roles: models.ManyToManyField[Role, models.Model] = models.ManyToManyField(
        Role, related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.trustor_id} to {self.trustee_id}"
