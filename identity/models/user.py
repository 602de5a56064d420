"""Users: Django's own, so that API, dashboard and admin share them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from identity.ids import new_id
from identity.models.domain import DEFAULT_DOMAIN_ID, Domain
from identity.models.project import Project


class Source(models.TextChoices):
    """Who keeps a user's or a group's data."""

    SQL = "sql", "this cloud"
    LDAP = "ldap", "LDAP"
    OIDC = "oidc", "OpenID Connect"


class Accounts(BaseUserManager["User"]):
    """What Django asks for by ``User.objects``."""

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user of this name in the default domain."""
        return self.get(name=username, domain_id=DEFAULT_DOMAIN_ID)


class User(AbstractBaseUser):
    """A person or a program that logs in; ``name`` is unique in its domain."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="users")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    email = models.EmailField(max_length=255, blank=True, default="")
    enabled = models.BooleanField(default=True)
    lock_password = models.BooleanField(default=False)
    source = models.CharField(max_length=8, choices=Source, default=Source.SQL)
    external_id = models.CharField(max_length=512, blank=True, default="")
    left_at = models.DateTimeField(null=True, blank=True)  # since when the source knows him no more
    options = models.JSONField(blank=True, default=dict)
    password_changed_at = models.DateTimeField(null=True, blank=True)
    password_expires_at = models.DateTimeField(null=True, blank=True)
    failed_logins = models.PositiveIntegerField(default=0)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    default_project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    extra = models.JSONField(blank=True, default=dict)
    session_stamp = models.CharField(max_length=32, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[Accounts] = Accounts()

    USERNAME_FIELD = "name"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "domain"], name="user_name_in_domain")
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="users_in_order"),
            models.Index(fields=["domain", "created_at", "id"], name="users_of_domain_in_order"),
            models.Index(fields=["domain", "external_id"], name="users_by_external_id"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Tell whether the user may log in."""
        return self.enabled and self.left_at is None and self.domain.enabled

    def get_session_auth_hash(self) -> str:
        """Let sessions end with the password, and with a new ``session_stamp``."""
        return super().get_session_auth_hash() + self.session_stamp

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Yield the same for the secret keys of before."""
        for earlier in super().get_session_auth_fallback_hash():
            yield earlier + self.session_stamp

    @cached_property
    def is_staff(self) -> bool:
        """Tell whether the admin site is open: role admin on a usable project or on the system."""
        from identity.querysets import operates_the_cloud  # it imports the models

        return operates_the_cloud(self.pk)

    @property
    def is_superuser(self) -> bool:
        """Tell the same: the managers' policies know no half operator."""
        return self.is_staff

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Allow operators everything the admin site offers."""
        return self.is_active and self.is_staff

    def has_perms(self, perms: Any, obj: Any = None) -> bool:
        """Allow operators everything the admin site offers."""
        return self.is_active and self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        """Show operators every app."""
        return self.is_active and self.is_staff


class PastPassword(models.Model):
    """The hash of a password a user had: he may not take it again soon."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="past_passwords")
    hash = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.user_id} until {self.created_at}"
