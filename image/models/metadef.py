"""Metadata definitions: what the properties of images, flavors and volumes mean."""

from __future__ import annotations

from typing import Any

from django.db import models

from image.sharing import PRIVATE, PUBLIC

NAME = 80


class MetadefNamespace(models.Model):
    """A named set of definitions; a private one is for its own project alone."""

    namespace = models.CharField(max_length=NAME, unique=True)
    display_name = models.CharField(max_length=NAME, blank=True)
    description = models.CharField(max_length=500, blank=True)
    visibility = models.CharField(
        max_length=16, default=PRIVATE, choices=[(word, word) for word in (PRIVATE, PUBLIC)]
    )
    protected = models.BooleanField(default=False)
    project_id = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="metadef_created"),
            models.Index(fields=["visibility", "created_at", "id"], name="metadef_visibility"),
            models.Index(fields=["project_id", "created_at", "id"], name="metadef_owner"),
        ]

    def __str__(self) -> str:
        return self.namespace


class MetadefProperty(models.Model):
    """One property by its JSON schema (title, type, enum ...)."""

    namespace = models.ForeignKey(
        MetadefNamespace, on_delete=models.CASCADE, related_name="properties"
    )
    name = models.CharField(max_length=NAME)
    schema: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "metadef properties"
        constraints = [
            models.UniqueConstraint(fields=["namespace", "name"], name="metadef_property_once")
        ]

    def __str__(self) -> str:
        return self.name


class MetadefObject(models.Model):
    """Properties that belong together, by name."""

    namespace = models.ForeignKey(
        MetadefNamespace, on_delete=models.CASCADE, related_name="objects_defined"
    )
    name = models.CharField(max_length=NAME)
    description = models.CharField(max_length=500, blank=True)
    required: models.JSONField[list[str]] = models.JSONField(default=list)
    properties: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "name"], name="metadef_object_once")
        ]

    def __str__(self) -> str:
        return self.name


class MetadefTag(models.Model):
    """A word that things can be tagged with."""

    namespace = models.ForeignKey(MetadefNamespace, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=NAME)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "name"], name="metadef_tag_once")
        ]

    def __str__(self) -> str:
        return self.name


class MetadefResourceType(models.Model):
    """A kind of thing that definitions are for, as Heat names it: OS::Glance::Image."""

    name = models.CharField(max_length=NAME, unique=True)
    protected = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class MetadefAssociation(models.Model):
    """A namespace is for a resource type; there its properties carry this prefix."""

    namespace = models.ForeignKey(
        MetadefNamespace, on_delete=models.CASCADE, related_name="associations"
    )
    resource_type = models.ForeignKey(
        MetadefResourceType, on_delete=models.PROTECT, related_name="associations"
    )
    prefix = models.CharField(max_length=NAME, blank=True)
    properties_target = models.CharField(max_length=NAME, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "resource_type"], name="metadef_association_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.namespace} for {self.resource_type}"
