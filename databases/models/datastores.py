"""What kinds of databases there are."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from databases.states import ParameterKind


class Datastore(models.Model):
    """A kind of database."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64, unique=True)
    default_version = models.ForeignKey(
        "DatastoreVersion", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class DatastoreVersion(models.Model):
    """One version of it, and how its servers are made.

    ``manager`` names the driver in the guest; ``number`` is what the version calls itself. Servers
    boot from ``image_id``, else from the newest image whose tags are ``image_tags``.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    datastore = models.ForeignKey(Datastore, on_delete=models.PROTECT, related_name="versions")
    name = models.CharField(max_length=64)
    manager = models.CharField(max_length=64)
    number = models.CharField(max_length=64, blank=True, default="")
    image_id = models.UUIDField(null=True, blank=True)
    image_tags: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    packages: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("datastore__name", "name")
        constraints = (
            models.UniqueConstraint(fields=("datastore", "name"), name="datastore_version_once"),
        )

    def __str__(self) -> str:
        return f"{self.datastore.name} {self.name}"


class ConfigurationParameter(models.Model):
    """What tenants may set of a version, by the datastore's own name.

    ``lowest`` and ``highest`` bound numbers, ``choices`` are the only values of a text.
    """

    version = models.ForeignKey(
        DatastoreVersion, on_delete=models.CASCADE, related_name="parameters"
    )
    name = models.CharField(max_length=128)
    kind = models.CharField(max_length=16, choices=ParameterKind.choices)
    lowest = models.BigIntegerField(null=True, blank=True)
    highest = models.BigIntegerField(null=True, blank=True)
    choices: models.JSONField[list[Any]] = models.JSONField(default=list, blank=True)
    restart_required = models.BooleanField(default=False)
    description = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("version", "name"), name="database_parameter_once"),
        )

    def __str__(self) -> str:
        return self.name
