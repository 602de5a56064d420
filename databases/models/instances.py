"""Database instances."""

from __future__ import annotations

import uuid

from django.db import models

from cloudweb.database.clock import now
from databases.models.configurations import Configuration
from databases.models.datastores import DatastoreVersion
from databases.querysets import DatabaseInstanceQuerySet
from databases.states import (
    ACTIVE,
    ERROR,
    RESTART_REQUIRED,
    SERVING,
    SILENT_FOR,
    OperatingStatus,
    Task,
)


class PartsProject(models.Model):
    """The project that a tenant's databases have their parts in, which the tenant does not see."""

    project_id = models.CharField(max_length=64, primary_key=True)
    parts_project_id = models.CharField(max_length=64, unique=True)

    def __str__(self) -> str:
        return f"parts of {self.project_id}"


class DatabaseInstance(models.Model):
    """A database of a tenant; its server, volume, port and group are in the parts project.

    ``task`` is what is being done to it, ``operating_status`` what its guest said last and at
    ``reported_at``. ``first_contents`` are databases and users that it begins with, encrypted
    (cloudweb/encryption.py), until they are there; ``replication_secret``, encrypted too, is what its replicas
    come by, ``restored_from`` the backup it begins with,
    ``restored_until`` the moment up to which the log after that is replayed. Parts are bare ids: other apps have them.
    One ``is_scratch`` on which a backup is restored on trial: its project is that of the parts, which no tenant sees.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True, default="")
    name = models.CharField(max_length=255)
    version = models.ForeignKey(
        DatastoreVersion, on_delete=models.PROTECT, related_name="instances"
    )
    flavor_id = models.CharField(max_length=255)
    ram = models.PositiveIntegerField(default=0, help_text="MiB, of its flavor")
    volume_size = models.PositiveIntegerField(help_text="GiB")
    volume_type = models.CharField(max_length=255, blank=True, default="")
    zone = models.CharField(max_length=255, blank=True, default="")
    locality = models.CharField(max_length=32, blank=True, default="")
    configuration = models.ForeignKey(
        Configuration, on_delete=models.PROTECT, null=True, blank=True, related_name="instances"
    )
    replica_of = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replicas"
    )

    task = models.CharField(max_length=16, choices=Task.choices, default=Task.BUILD, blank=True)
    operating_status = models.CharField(
        max_length=20, choices=OperatingStatus.choices, default=OperatingStatus.NEW
    )
    restart_required = models.BooleanField(default=False)
    reported_at = models.DateTimeField(null=True, blank=True)
    volume_used = models.FloatField(null=True, blank=True, help_text="GiB")
    root_enabled_at = models.DateTimeField(null=True, blank=True)
    root_enabled_by = models.CharField(max_length=64, blank=True, default="")
    replication_secret = models.TextField(blank=True, default="")
    restored_from = models.UUIDField(null=True, blank=True)
    restored_until = models.DateTimeField(null=True, blank=True)
    first_contents = models.TextField(blank=True, default="")
    is_scratch = models.BooleanField(default=False, db_default=False, help_text="for a trial")

    network_id = models.UUIDField(null=True, blank=True)
    subnet_id = models.UUIDField(null=True, blank=True)
    wanted_address = models.CharField(max_length=64, blank=True, default="")
    addresses: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    is_public = models.BooleanField(default=False)
    require_tls = models.BooleanField(default=False, db_default=False, help_text="of its clients")
    allowed_cidrs: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)

    parts_project_id = models.CharField(max_length=64)
    server_id = models.UUIDField(null=True, blank=True)
    volume_id = models.UUIDField(null=True, blank=True)
    port_id = models.UUIDField(null=True, blank=True)
    group_id = models.UUIDField(null=True, blank=True)

    fault_message = models.TextField(blank=True, default="")
    fault_detail = models.TextField(blank=True, default="")
    fault_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now)

    objects = DatabaseInstanceQuerySet.as_manager()

    class Meta:
        indexes = (
            models.Index(fields=("project_id", "created_at", "id"), name="db_instance_listed"),
            models.Index(fields=("created_at", "id"), name="db_instance_all_listed"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        """The one word of contract 10.5: a failure, the task, else whether a restart is due."""
        if self.task == Task.SHUTDOWN:
            return Task.SHUTDOWN.value
        if self.fault_at is not None:
            return ERROR
        return self.task or (RESTART_REQUIRED if self.restart_required else ACTIVE)

    @property
    def serves(self) -> bool:
        """Tell whether its guest said lately that it does: one that is silent may have failed."""
        heard = self.reported_at is not None and self.reported_at > now() - SILENT_FOR
        return heard and self.operating_status in SERVING
