"""Flavors: the sizes a server can have."""

from __future__ import annotations

from django.db import models

from cloudweb.database.clock import now
from compute.querysets import FlavorQuerySet


class Flavor(models.Model):
    """A size: MiB of RAM and swap, GiB of disks; a server keeps a copy of what it was built with.

    ``id`` is free text that an operator may choose. A private flavor is seen by the projects that
    were granted access and by admins.
    """

    id = models.CharField(primary_key=True, max_length=255)
    name = models.CharField(max_length=255, unique=True)
    description = models.TextField(null=True, blank=True)  # noqa: DJ001 - the API tells null from ""
    ram = models.PositiveIntegerField(help_text="MiB")
    vcpus = models.PositiveIntegerField()
    disk = models.PositiveIntegerField(help_text="GiB; 0 takes the image's size")
    ephemeral = models.PositiveIntegerField(default=0, help_text="GiB")
    swap = models.PositiveIntegerField(default=0, help_text="MiB")
    rxtx_factor = models.FloatField(default=1.0)
    is_public = models.BooleanField(default=True)
    disabled = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)
    updated_at = models.DateTimeField(default=now)

    objects = FlavorQuerySet.as_manager()

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name

    def specs(self) -> dict[str, str]:
        """Return the extra specs, from the prefetched rows where there are some."""
        return {spec.key: spec.value for spec in self.extra_specs.all()}


class FlavorExtraSpec(models.Model):
    """One key of a flavor's extra specs."""

    flavor = models.ForeignKey(Flavor, on_delete=models.CASCADE, related_name="extra_specs")
    key = models.CharField(max_length=255)
    value = models.CharField(max_length=255)

    class Meta:
        ordering = ("key",)
        constraints = [
            models.UniqueConstraint(fields=("flavor", "key"), name="compute_extra_spec_once")
        ]


class FlavorAccess(models.Model):
    """A project that may use a private flavor."""

    flavor = models.ForeignKey(Flavor, on_delete=models.CASCADE, related_name="access")
    project_id = models.CharField(max_length=64)

    class Meta:
        ordering = ("project_id",)
        constraints = [
            models.UniqueConstraint(fields=("flavor", "project_id"), name="compute_access_once")
        ]
        indexes = [models.Index(fields=("project_id",), name="compute_access_project")]
