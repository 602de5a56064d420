"""Credentials: secrets that a user keeps here, such as EC2 keys and one-time password seeds."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.project import Project
from identity.models.user import User


class Credential(models.Model):
    """A secret of a user, encrypted (cloudweb/encryption.py).

    The id of an EC2 key is the SHA-256 of the access key it was made with, as clients of the
    OpenStack API compute it; ``access_digest`` is that of the access key it has.
    """

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="credentials")
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.CASCADE, related_name="credentials"
    )
    type = models.CharField(max_length=255)
    access_digest = models.CharField(
        max_length=64, null=True, blank=True, unique=True, editable=False
    )
    encrypted_blob = models.TextField()
    trust_id = models.CharField(max_length=64, blank=True, default="")
    application_credential_id = models.CharField(max_length=64, blank=True, default="")
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["user", "type"], name="credentials_of_user")]

    def __str__(self) -> str:
        return f"{self.type} of {self.user_id}"


class UsedPasscode(models.Model):
    """A one-time password that was used: nobody may use it a second time."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    counter = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "counter"], name="passcode_once")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.counter}"
