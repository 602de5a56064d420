"""Roles, and which role contains which."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.domain import Domain


class Role(models.Model):
    """A named set of rights; an immutable one is part of the product.

    A role of one domain counts only by what it implies: tokens never name it.
    """

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    name = models.CharField(max_length=255)
    domain = models.ForeignKey(
        Domain, null=True, blank=True, on_delete=models.CASCADE, related_name="roles"
    )
    description = models.TextField(blank=True, default="")
    immutable = models.BooleanField(default=False)
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "name"], name="role_name_in_domain"),
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(domain__isnull=True), name="role_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Implication(models.Model):
    """Who has ``prior`` has ``implied`` too."""

    prior = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="implications")
    implied = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prior", "implied"], name="implied_once")]

    def __str__(self) -> str:
        return f"{self.prior_id} implies {self.implied_id}"
