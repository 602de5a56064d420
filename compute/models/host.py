"""Hosts: the machines that run guests."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models

from cloudweb.database.clock import now
from compute import conf
from compute.querysets import HostQuerySet


def default_zone() -> str:
    """Return the zone of a host that nobody put in one."""
    return str(conf.DEFAULT_ZONE)


def _first(own: float | None, shared: float | None, otherwise: float) -> float:
    """Return the ratio that counts."""
    return next((ratio for ratio in (own, shared) if ratio is not None), otherwise)


class Host(models.Model):
    """A machine with a compute agent: what it has, and what of it is promised.

    Whether it is up is its service's to say (``operations.services``).
    Sizes are MiB (RAM) and GiB (disk). ``*_used`` are the sums of this host's claims, kept by the
    statements that claim and release, as is ``weight``. A ratio of None is that of its aggregates
    (``shared_*``), or the setting's. ``number`` is the id that clients below microversion 2.53 see.
    """

    number = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=63, unique=True)
    zone = models.CharField(max_length=255, default=default_zone)

    driver = models.CharField(max_length=64, blank=True, default="")
    capabilities: models.JSONField[dict[str, bool], dict[str, bool]] = models.JSONField(
        default=dict,
        blank=True,
        help_text="name -> true: a form both databases can look a name up in",
    )
    hypervisor_type = models.CharField(max_length=64, blank=True, default="")
    hypervisor_version = models.PositiveIntegerField(default=0)
    traits: models.JSONField[dict[str, bool], dict[str, bool]] = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="that it reports: name -> true"
    )
    custom_traits: models.JSONField[dict[str, bool], dict[str, bool]] = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="that operators gave it: name -> true"
    )
    images: models.JSONField[dict[str, bool], dict[str, bool]] = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="whose files are there already: id -> true",
    )
    cells: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, db_default=[], blank=True, help_text="of NUMA, as NumaCell says them"
    )
    dedicated = models.PositiveIntegerField(
        default=0, db_default=0, help_text="of its processors, those for guests that are pinned"
    )
    pinned = models.PositiveIntegerField(
        default=0, db_default=0, help_text="of these, those that claims hold"
    )
    cells_taken = models.BigIntegerField(
        default=0, db_default=0, editable=False, help_text="how often a guest came into its cells"
    )
    architecture = models.CharField(max_length=32, blank=True, default="")
    cpu_model = models.CharField(max_length=255, blank=True, default="")
    accelerated = models.BooleanField(default=False)

    vcpus = models.PositiveIntegerField(default=0)
    ram = models.PositiveIntegerField(default=0)
    disk = models.PositiveIntegerField(default=0)
    cpu_ratio = models.FloatField(null=True, blank=True)
    ram_ratio = models.FloatField(null=True, blank=True)
    disk_ratio = models.FloatField(null=True, blank=True)
    shared_cpu_ratio = models.FloatField(null=True, editable=False, help_text="its aggregates'")
    shared_ram_ratio = models.FloatField(null=True, editable=False, help_text="its aggregates'")
    shared_disk_ratio = models.FloatField(null=True, editable=False, help_text="its aggregates'")
    vcpus_used = models.PositiveIntegerField(default=0)
    ram_used = models.PositiveIntegerField(default=0)
    disk_used = models.PositiveIntegerField(default=0)
    weight = models.FloatField(
        default=0.0, editable=False, help_text="how good a place it is, as of its last change"
    )

    build_failures = models.PositiveIntegerField(default=0, db_default=0, help_text="lately")
    failed_at = models.DateTimeField(null=True, blank=True, help_text="a build, for the last time")

    measured_ram_free = models.IntegerField(null=True, blank=True, help_text="as the host saw it")
    measured_disk_free = models.IntegerField(null=True, blank=True, help_text="as the host saw it")
    uptime = models.CharField(max_length=255, blank=True, default="", help_text="uptime(1)'s line")
    running_guests = models.PositiveIntegerField(default=0)
    guests: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, blank=True, help_text="id, name and power_state of what the hypervisor has"
    )

    problems: models.JSONField[list[str], list[str]] = models.JSONField(
        default=list, blank=True, help_text="what the host cannot put right by itself"
    )
    self_fence = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="after so many seconds without an answer it stops its guests (0: never)",
    )
    changes_start = models.CharField(max_length=32, blank=True, default="", editable=False)
    changes_taken = models.BigIntegerField(default=0, editable=False)  # of that start of its agent

    reserved = models.BooleanField(
        default=False, editable=False, help_text="it is for the projects of its reservations alone"
    )
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    objects = HostQuerySet.as_manager()

    class Meta:
        ordering = ("number",)
        indexes = [  # the best hosts are found without looking at the others
            models.Index(fields=["-weight", "number"], name="host_best"),
            models.Index(fields=["zone", "-weight", "number"], name="host_best_of_zone"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def vcpus_limit(self) -> int:
        """How many virtual CPUs that float may be promised."""
        ratio = _first(self.cpu_ratio, self.shared_cpu_ratio, conf.CAPACITY.cpu_ratio)
        return int(max(0, self.vcpus - self.dedicated) * ratio)

    @property
    def vcpus_used_in_all(self) -> int:
        """How many virtual CPUs servers were promised, and processors of their own."""
        return self.vcpus_used + self.pinned

    @property
    def ram_limit(self) -> int:
        """How much RAM may be promised, MiB."""
        ratio = _first(self.ram_ratio, self.shared_ram_ratio, conf.CAPACITY.ram_ratio)
        return max(0, int(self.ram * ratio) - conf.CAPACITY.reserved_ram)

    @property
    def disk_limit(self) -> int:
        """How much disk may be promised, GiB."""
        ratio = _first(self.disk_ratio, self.shared_disk_ratio, conf.CAPACITY.disk_ratio)
        return max(0, int(self.disk * ratio) - conf.CAPACITY.reserved_disk)

    @property
    def ram_used_in_all(self) -> int:
        """What servers were promised and what the host keeps for itself, MiB."""
        return self.ram_used + conf.CAPACITY.reserved_ram

    @property
    def disk_used_in_all(self) -> int:
        """What servers were promised and what the host keeps for itself, GiB."""
        return self.disk_used + conf.CAPACITY.reserved_disk
