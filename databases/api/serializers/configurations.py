"""Configurations on the wire."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body, Text
from cloudweb.api.shown import Form, Of
from cloudweb.times import seconds
from databases.api.serializers.instances import DatastoreBody

Values = Annotated[dict[str, Any], Field(max_length=500)]
ShortName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ConfigurationCreate(Body):
    """``configuration`` of POST /configurations."""

    name: ShortName
    description: Text | None = None
    values: Values
    datastore: DatastoreBody | None = None


class ConfigurationUpdate(Body):
    """``configuration`` of PATCH and PUT /configurations/{id}."""

    name: ShortName | None = None
    description: Text | None = None
    values: Values | None = None

    def said(self) -> dict[str, Any]:
        """Return what is to change; a null says nothing."""
        return {name: value for name, value in super().said().items() if value is not None}


class ConfigurationBrief(Answer):
    """A configuration in a list."""

    id: Annotated[str, Form(str)]
    name: str
    description: str
    datastore_name: Annotated[str, Of("version.datastore.name")]
    datastore_version_id: Annotated[str, Of("version_id"), Form(str)]
    datastore_version_name: Annotated[str, Of("version.name")]
    datastore_version: Annotated[str, Of("version.number")]
    created: Annotated[str, Of("created_at"), Form(seconds)]
    updated: Annotated[str, Of("updated_at"), Form(seconds)]


class ConfigurationShown(ConfigurationBrief):
    """A configuration with its settings."""

    instance_count: Annotated[int, Of(lambda row: row.instances.count())]
    values: dict[str, Any]


class InstanceNamed(Answer):
    """An instance that has it."""

    id: Annotated[str, Form(str)]
    name: str
