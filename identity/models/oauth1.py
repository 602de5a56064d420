"""OAuth 1.0a: consumers, and what users let them do; secrets are encrypted (cloudweb/encryption.py)."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.project import Project
from identity.models.role import Role
from identity.models.user import User


class Consumer(models.Model):
    """A program that acts for users who let it; it signs with its secret."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    description = models.TextField(blank=True, default="")
    encrypted_secret = models.TextField()
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id


class RequestToken(models.Model):
    """A consumer's wish to act on a project; with a user and a verifier once he let it."""

    id = models.CharField(primary_key=True, max_length=64)
    consumer = models.ForeignKey(Consumer, on_delete=models.CASCADE, related_name="request_tokens")
    encrypted_secret = models.TextField()
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    roles: models.ManyToManyField[Role, models.Model] = models.ManyToManyField(
        Role, related_name="+"
    )
    encrypted_verifier = models.TextField(blank=True, default="")
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id


class AccessToken(models.Model):
    """With this a consumer acts for a user, with some of his roles on a project."""

    id = models.CharField(primary_key=True, max_length=64)
    consumer = models.ForeignKey(Consumer, on_delete=models.CASCADE, related_name="access_tokens")
    encrypted_secret = models.TextField()
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_tokens")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    roles: models.ManyToManyField[Role, models.Model] = models.ManyToManyField(
        Role, related_name="+"
    )
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id


class UsedNonce(models.Model):
    """A signature that was used: nobody may use it a second time; old ones are refused by their time."""

    digest = models.CharField(primary_key=True, max_length=64)
    forget_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest
