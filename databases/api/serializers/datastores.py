"""Datastores, versions and parameters on the wire."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from cloudweb.api.answers import Answer, Link
from cloudweb.api.fields import Body, LooseBool, Name, Text
from cloudweb.api.links import resource_links
from cloudweb.api.shown import Form, Of, Only, Scene, Seen, When, shown
from databases.models import Datastore, DatastoreVersion


def _sees_all(scene: Scene) -> bool:
    return scene.may("database:datastores:see_all")


def _version_links(row: DatastoreVersion, scene: Scene) -> list[dict[str, str]]:
    return resource_links(scene.request, f"datastores/{row.datastore_id}/versions/{row.id}")


class VersionBrief(Answer):
    """A version within its datastore."""

    id: Annotated[str, Form(str)]
    name: str
    links: Annotated[list[Link], Seen(_version_links)]
    image: Annotated[
        str | None, Of("image_id"), Form(lambda key: key and str(key)), When(_sees_all)
    ] = None
    image_tags: Annotated[list[str] | None, When(_sees_all)] = None
    active: Annotated[int | None, Form(int), When(_sees_all)] = None
    packages: Annotated[str | None, Form(",".join), When(_sees_all)] = None


class VersionShown(VersionBrief):
    """A version; its image is for operators."""

    datastore: Annotated[str, Of("datastore_id"), Form(str)]
    datastore_name: Annotated[str, Of("datastore.name")]
    datastore_manager: Annotated[str, Of("manager")]
    version: Annotated[str, Of("number")]


def _versions(row: Datastore, scene: Scene) -> list[dict[str, Any]]:
    sees_all = _sees_all(scene)
    return shown(VersionBrief, [one for one in row.versions.all() if one.active or sees_all], scene)


class DatastoreShown(Answer):
    """A datastore."""

    id: Annotated[str, Form(str)]
    name: str
    links: Annotated[
        list[Link],
        Seen(lambda row, scene: resource_links(scene.request, f"datastores/{row.id}")),
    ]
    versions: Annotated[list[VersionBrief], Seen(_versions)]
    default_version: Annotated[
        str | None,
        Of("default_version_id"),
        Form(str),
        Only(lambda row: row.default_version_id is not None),
    ] = None


class ParameterShown(Answer):
    """What may be set of a version."""

    name: str
    type: Annotated[str, Of("kind")]
    restart_required: bool
    datastore_version_id: Annotated[str, Of("version_id"), Form(str)]
    min: Annotated[int | None, Of("lowest"), Only(lambda row: row.lowest is not None)] = None
    max: Annotated[int | None, Of("highest"), Only(lambda row: row.highest is not None)] = None
    values: Annotated[list[str] | None, Of("choices"), Only(lambda row: bool(row.choices))] = None
    description: str


class VersionCreate(Body):
    """``version`` of POST /mgmt/datastore-versions."""

    datastore_name: Name
    datastore_manager: Name
    name: Name
    version: Text | None = None
    image: UUID | None = None
    image_tags: list[Text] = Field(default_factory=list, max_length=50)
    packages: list[Text] = Field(default_factory=list, max_length=50)
    active: LooseBool = True
    default: LooseBool = False

    def said(self) -> dict[str, Any]:
        """Return what the manager takes."""
        return {
            "datastore_name": self.datastore_name,
            "manager": self.datastore_manager,
            "name": self.name,
            "number": self.version or "",
            "image_id": self.image,
            "image_tags": self.image_tags,
            "packages": self.packages,
            "active": self.active,
            "default": self.default,
        }


class VersionUpdate(Body):
    """The body of PATCH /mgmt/datastore-versions/{id}; it has no envelope."""

    datastore_manager: Name | None = None
    name: Name | None = None
    image: UUID | None = None
    image_tags: list[Text] | None = Field(default=None, max_length=50)
    packages: list[Text] | None = Field(default=None, max_length=50)
    active: LooseBool | None = None
    default: LooseBool | None = None

    def said(self) -> dict[str, Any]:
        """Return what the manager takes; a null says nothing."""
        words = {"datastore_manager": "manager", "image": "image_id"}
        found = ((name, getattr(self, name)) for name in self.model_fields_set)
        return {words.get(name, name): value for name, value in found if value is not None}
