"""Federation: identity providers, and how what they say becomes a user here."""

from __future__ import annotations

from django.db import models

from identity.models.domain import Domain
from identity.models.user import User


class IdentityProvider(models.Model):
    """Someone else who knows users; those it vouches for live in ``domain``."""

    id = models.CharField(primary_key=True, max_length=64)
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="providers")
    description = models.TextField(blank=True, default="")
    enabled = models.BooleanField(default=True)
    remote_ids = models.JSONField(blank=True, default=list)
    authorization_ttl = models.PositiveIntegerField(null=True, blank=True)
    # OpenID Connect
    issuer = models.CharField(max_length=512, blank=True, default="")
    client_id = models.CharField(max_length=255, blank=True, default="")
    encrypted_client_secret = models.TextField(blank=True, default="")
    audiences = models.JSONField(blank=True, default=list)  # of access tokens, beside client_id
    hosts = models.JSONField(blank=True, default=list)  # of endpoints, beside the issuer's own
    asks_userinfo = models.BooleanField(default=False)
    scopes = models.CharField(max_length=255, blank=True, default="openid profile email")
    label = models.CharField(max_length=64, blank=True, default="")  # on its log-in button
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id


class Mapping(models.Model):
    """Rules that turn a provider's claims into a user, groups and projects here."""

    id = models.CharField(primary_key=True, max_length=64)
    rules = models.JSONField()
    schema_version = models.CharField(max_length=5, default="1.0")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id


class Protocol(models.Model):
    """How a provider is spoken to (``openid``), and the mapping of what it says."""

    provider = models.ForeignKey(
        IdentityProvider, on_delete=models.CASCADE, related_name="protocols"
    )
    name = models.CharField(max_length=64)
    mapping = models.ForeignKey(Mapping, on_delete=models.PROTECT, related_name="protocols")
    remote_id_attribute = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "name"], name="protocol_once")]

    def __str__(self) -> str:
        return f"{self.provider_id}/{self.name}"


class FederatedUser(models.Model):
    """Whom a provider means: its own lasting id of a user, never his name or mail address."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="federated")
    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="users")
    protocol = models.CharField(max_length=64)
    unique_id = models.CharField(max_length=512)
    display_name = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "protocol", "unique_id"], name="federated_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.unique_id} at {self.provider_id}"
