"""The configuration of domains, option by option."""

from __future__ import annotations

from django.db import models

from identity.models.domain import Domain


class DomainOption(models.Model):
    """One option of a domain; a secret one is encrypted (cloudweb/encryption.py), ``value`` empty."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="options")
    group = models.CharField(max_length=64)
    name = models.CharField(max_length=64)
    value = models.JSONField(null=True)
    encrypted_value = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["domain", "group", "name"], name="domain_option_once")
        ]

    def __str__(self) -> str:
        return f"{self.group}.{self.name} of {self.domain_id}"
