"""Domains: name spaces of users and projects."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from identity.ids import new_id

DEFAULT_DOMAIN_ID = "default"


class Domain(models.Model):
    """A name space, known by its name in any case; ``default`` always exists."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    name = models.CharField(max_length=64)
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    immutable = models.BooleanField(default=False)
    tags = models.JSONField(blank=True, default=list)
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("name"), name="domain_name_in_any_case")]

    def __str__(self) -> str:
        return self.name
