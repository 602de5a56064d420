"""Image records. The data is in the ``stores`` named; ``store_key`` names it in each of them."""

from __future__ import annotations

import uuid

from django.db import models

from image.querysets import ImageRows
from image.sharing import SHARED, VISIBILITIES
from image.states import STATUSES, WITH_DATA


class Image(models.Model):
    """An image; text that is not known yet is empty, sizes count once there is data.

    While data comes in, ``upload_id`` names the one upload that may finish and ``upload_seen_at``
    tells when it was last alive. ``importing_to`` names the stores that an import under way has not
    filled yet, ``failed_import`` those that the last import could not fill.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    name = models.CharField(max_length=255, blank=True)
    status = models.CharField(
        max_length=16, default=STATUSES[0], choices=[(status, status) for status in STATUSES]
    )
    visibility = models.CharField(
        max_length=16, default=SHARED, choices=[(word, word) for word in VISIBILITIES]
    )
    protected = models.BooleanField(default=False)
    os_hidden = models.BooleanField(default=False)
    disk_format = models.CharField(max_length=20, blank=True)
    container_format = models.CharField(max_length=20, blank=True)
    min_disk = models.IntegerField(default=0)  # GiB
    min_ram = models.IntegerField(default=0)  # MiB
    size = models.BigIntegerField(default=0)
    incoming_size = models.BigIntegerField(default=0)  # taken of the quota by data on its way
    virtual_size = models.BigIntegerField(default=0)
    checksum = models.CharField(max_length=32, blank=True)
    os_hash_algo = models.CharField(max_length=16, blank=True)
    os_hash_value = models.CharField(max_length=128, blank=True)
    store_key = models.CharField(max_length=128, blank=True)
    stores: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    importing_to: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    failed_import: models.JSONField[list[str]] = models.JSONField(default=list, blank=True)
    import_source = models.TextField(blank=True)  # encrypted: a URL may hold a signature
    upload_id = models.CharField(max_length=32, blank=True)
    upload_seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = ImageRows()
    #: Names of properties that whoever asked may not read; managers set it.
    hidden_properties: frozenset[str] = frozenset()

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="image_created"),
            models.Index(fields=["project_id", "name"], name="image_owner_name"),
            models.Index(fields=["project_id", "created_at", "id"], name="image_owner_created"),
            models.Index(fields=["visibility", "created_at", "id"], name="image_visibility"),
            models.Index(fields=["name"], name="image_name"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.id)

    @property
    def has_data(self) -> bool:
        """Tell whether there is data to download."""
        return self.is_whole and bool(self.store_key)

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing of it is missing; one that names snapshots of volumes has no data."""
        return self.status in WITH_DATA

    @property
    def tag_names(self) -> list[str]:
        """The tags, sorted."""
        return sorted(tag.name for tag in self.tags.all())

    @property
    def custom_properties(self) -> dict[str, str]:
        """The properties that clients added."""
        return {item.name: item.value for item in self.properties.all()}

    @property
    def shown_properties(self) -> dict[str, str]:
        """Those of the custom properties that whoever asked may read."""
        found = self.custom_properties
        return {name: found[name] for name in found if name not in self.hidden_properties}


class ImageTag(models.Model):
    """One word on an image."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "name"], name="image_tag_once")]
        indexes = [models.Index(fields=["name"], name="image_tag_name")]

    def __str__(self) -> str:
        return self.name


class ImageProperty(models.Model):
    """One custom property of an image."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="properties")
    name = models.CharField(max_length=255)
    value = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "image properties"
        constraints = [
            models.UniqueConstraint(fields=["image", "name"], name="image_property_once")
        ]

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
