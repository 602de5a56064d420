"""Application credentials: a part of a user's rights on one project, for a program."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.project import Project
from identity.models.role import Role
from identity.models.user import User


class AccessRule(models.Model):
    """One request a program may make: a service's type, a method and a path with wild cards."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="access_rules")
    service = models.CharField(max_length=255)
    method = models.CharField(max_length=16)
    path = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "service", "method", "path"], name="access_rule_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} ({self.service})"


class ApplicationCredential(models.Model):
    """A log-in of a program; ``ruled`` says that it may make the requests of its rules alone."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="application_credentials")
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="application_credentials"
    )
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    secret = models.CharField(max_length=255)  # its hash
    unrestricted = models.BooleanField(default=False)
    ruled = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    roles: models.ManyToManyField[Role, models.Model] = models.ManyToManyField(
        Role, related_name="+"
    )
    access_rules: models.ManyToManyField[AccessRule, models.Model] = models.ManyToManyField(
        AccessRule, related_name="application_credentials"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="application_credential_name")
        ]

    def __str__(self) -> str:
        return self.name
