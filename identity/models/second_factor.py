"""Recovery codes: the way in for a user who lost the device that shows his passcodes."""

from __future__ import annotations

from django.db import models

from identity.models.user import User


class RecoveryCode(models.Model):
    """One code, good once: ``handle`` is its beginning, by which it is found, ``hash`` is of all."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    handle = models.CharField(max_length=8)
    hash = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "handle"], name="recovery_code_once")
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"
