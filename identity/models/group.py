"""Groups: several users who get a role by one assignment."""

from __future__ import annotations

from django.db import models

from identity.ids import new_id
from identity.models.domain import Domain
from identity.models.user import Source, User


class Group(models.Model):
    """Users of any domain under one name; ``source`` says who keeps the list of members."""

    id = models.CharField(primary_key=True, max_length=64, default=new_id, editable=False)
    domain = models.ForeignKey(Domain, on_delete=models.PROTECT, related_name="groups")
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True, default="")
    source = models.CharField(max_length=8, choices=Source, default=Source.SQL)
    external_id = models.CharField(max_length=512, blank=True, default="")
    extra = models.JSONField(blank=True, default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="groups"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "domain"], name="group_name_in_domain")
        ]
        indexes = [
            models.Index(fields=["created_at", "id"], name="groups_in_order"),
            models.Index(fields=["domain", "created_at", "id"], name="groups_of_domain_in_order"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user in a group; ``source`` says who put him there and may take him out again."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    source = models.CharField(max_length=8, choices=Source, default=Source.SQL)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.group_id}"
