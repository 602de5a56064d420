"""What every top-level resource of the network API has."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from cloudweb.database.clock import now

SEPARATOR = "\n"


class TagsField(models.TextField):  # type: ignore[type-arg]
    """Tags in the row itself, each between two line feeds, so that reading them costs no query."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", ())
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> Any:
        """Return the tags in their order."""
        return tuple(filter(None, (value or "").split(SEPARATOR)))

    def to_python(self, value: Any) -> Any:
        """Return the tags of what a form or fixture holds."""
        return self.from_db_value(value, None, None) if isinstance(value, str) else tuple(value)

    def get_prep_value(self, value: Any) -> Any:
        """Return the column's text."""
        if value is None or isinstance(value, str):
            return value
        tags = sorted(set(value))
        return SEPARATOR + "".join(f"{tag}{SEPARATOR}" for tag in tags) if tags else ""


def has_tag(tag: str) -> models.Q:
    """Return the condition that a row carries a tag, exact in case on every database."""
    needle = models.Value(f"{SEPARATOR}{tag}{SEPARATOR}", output_field=models.TextField())
    return models.Q(GreaterThan(StrIndex(models.F("tags"), needle), 0))


class Standard(models.Model):
    """Identity, owner, description, tags, times and revision."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project_id = models.CharField(max_length=64)
    description = models.CharField(max_length=255, blank=True, default="")
    tags = TagsField()
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        abstract = True


class Named(Standard):
    """A resource that people name; names need not be unique."""

    name = models.CharField(max_length=255, blank=True, default="")

    class Meta(Standard.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.name or str(self.id)


class Shareable(Named):
    """A resource that its project may let others use."""

    class Meta(Named.Meta):
        abstract = True

    @property
    def is_shared(self) -> bool:
        """Tell whether the caller's project is among those that share it, of a row that was read for a caller."""
        return bool(self.__dict__.get("shared_here"))
