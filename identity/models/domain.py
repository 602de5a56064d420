"""Domains: name spaces of users and projects."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id

DEFAULT_DOMAIN_ID = "default"


class Domain(models.Model):
    """A name space; ``default`` always exists."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    name = models.CharField(max_length=64, unique=True)
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    immutable = models.BooleanField(default=False)
    tags = models.JSONField(blank=True, default=list)
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
