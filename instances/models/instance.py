"""A server's row."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

import cloudweb.database.lists  # noqa: F401 - tags are asked for by it
from cloudweb.database.clock import now
from instances.models.server_group import ServerGroup
from instances.querysets import InstanceQuerySet
from instances.rows import hypervisor_name
from instances.states import PowerState, VmState


class Instance(models.Model):
    """A server. Its flavor is kept as it was when the server was made.

    What it has are rows of their own (``ports``, ``block_devices``). ``user_data``, ``injected_files``,
    ``admin_password``, ``rescue_password`` and ``before_rebuild`` are encrypted
    (cloudweb/encryption.py). Deleted servers stay as rows for their action log, without what they had.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    user_id = models.CharField(max_length=64, blank=True)
    name = models.CharField(max_length=255)
    hostname = models.CharField(max_length=255)
    description = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null differs
    vm_state = models.CharField(
        max_length=20, choices=VmState.choices, default=VmState.BUILDING, db_index=False
    )
    task_state = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001 - null: no task
    power_state = models.SmallIntegerField(choices=PowerState.choices, default=PowerState.NOSTATE)
    host = models.CharField(max_length=64, blank=True, default="")
    zone = models.CharField(max_length=255, blank=True, default="")
    wanted_zone = models.CharField(max_length=255, blank=True, default="")
    wanted_host = models.CharField(max_length=64, blank=True, default="")

    flavor_id = models.CharField(max_length=255)
    flavor_name = models.CharField(max_length=255)
    vcpus = models.PositiveIntegerField()
    ram = models.PositiveIntegerField(help_text="MiB")
    disk = models.PositiveIntegerField(help_text="GiB")
    ephemeral = models.PositiveIntegerField(default=0, help_text="GiB")
    swap = models.PositiveIntegerField(default=0, help_text="MiB")
    more_vcpus = models.PositiveIntegerField(
        default=0, help_text="that a resize holds beyond its flavor until it is decided"
    )
    more_ram = models.PositiveIntegerField(default=0, help_text="MiB; likewise")
    extra_specs: models.JSONField[dict[str, str]] = models.JSONField(default=dict)

    image_id = models.CharField(max_length=36, blank=True, default="")
    image_properties: models.JSONField[dict[str, str]] = models.JSONField(
        default=dict, db_default={}, help_text="what its image said of itself when it was made"
    )
    guest_agent = models.BooleanField(default=False, help_text="QEMU's agent runs in it")
    key_name = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - null: no key
    public_key = models.TextField(blank=True, default="")
    user_data = models.TextField(blank=True, default="")
    injected_files = models.TextField(blank=True, default="")
    admin_password = models.TextField(blank=True, default="")
    rescue_image_id = models.CharField(
        max_length=36, blank=True, default="", help_text="What it is started from while rescued"
    )
    rescue_password = models.TextField(blank=True, default="")
    posted_password = models.TextField(
        blank=True, default="", help_text="What its guest made, encrypted by its user's key: base64"
    )
    before_rebuild = models.TextField(
        blank=True, default="", help_text="What a rebuild goes back to until the disks are gone"
    )
    config_drive = models.BooleanField(default=False)
    metadata: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    tags: models.JSONField[list[str]] = models.JSONField(default=list)
    security_groups: models.JSONField[list[str]] = models.JSONField(default=list)
    milestones: models.JSONField[dict[str, float]] = models.JSONField(
        default=dict, help_text="What the guest did for the first time: kind -> Unix time"
    )
    access_ip_v4 = models.CharField(max_length=15, blank=True, default="")
    access_ip_v6 = models.CharField(max_length=45, blank=True, default="")
    disk_config = models.CharField(max_length=6, default="MANUAL")
    reservation_id = models.CharField(max_length=16, blank=True, default="")
    launch_index = models.PositiveIntegerField(default=0)
    locked_by = models.CharField(
        max_length=5, blank=True, default="", help_text="owner or admin; empty: it is not locked"
    )
    locked_reason = models.CharField(max_length=255, blank=True, default="")

    server_group = models.ForeignKey(
        ServerGroup, on_delete=models.SET_NULL, null=True, blank=True, related_name="servers"
    )
    scheduler_hints: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    cells: models.JSONField[list[dict[str, Any]] | None, list[dict[str, Any]] | None] = (
        models.JSONField(
            null=True, blank=True, help_text="Where in its host's NUMA cells, if it asked for that"
        )
    )

    fault_code = models.PositiveIntegerField(null=True, blank=True)
    fault_message = models.TextField(blank=True, default="")
    fault_detail = models.TextField(blank=True, default="")
    fault_at = models.DateTimeField(null=True, blank=True)

    shelved_at = models.DateTimeField(null=True, blank=True)
    shelved_image_id = models.CharField(
        max_length=36, blank=True, default="", help_text="Its disk, while it is shelved"
    )
    soft_deleted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)
    launched_at = models.DateTimeField(null=True, blank=True)
    terminated_at = models.DateTimeField(null=True, blank=True)

    objects = InstanceQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = [
            models.Index(fields=["project_id", "-created_at", "-id"], name="instance_newest"),
            models.Index(fields=["-created_at", "-id"], name="instance_all_newest"),
            models.Index(fields=["project_id", "name"], name="instance_name"),
            models.Index(fields=["name", "created_at", "id"], name="instance_all_by_name"),
            models.Index(fields=["host"], name="instance_host"),
            models.Index(fields=["vm_state", "created_at", "id"], name="instance_all_by_state"),
            models.Index(fields=["updated_at"], name="instance_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @property
    def hypervisor_name(self) -> str:
        """What the hypervisor calls the guest."""
        return hypervisor_name(str(self.id))

    @property
    def port_ids(self) -> list[str]:
        """The ids of the server's ports, in the order of its cards; asked for each time."""
        return [str(port.port_id) for port in self.ports.all() if port.port_id is not None]

    @property
    def network_ids(self) -> list[str]:
        """The ids of the networks its cards are or shall be on; asked for each time."""
        return [str(port.network_id) for port in self.ports.all()]
