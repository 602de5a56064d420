"""Groups on the wire."""

from __future__ import annotations

from typing import Annotated

from cloudweb.api.answers import OpenAnswer
from cloudweb.api.fields import Name
from cloudweb.api.resource import Resource
from identity.api.filters import exactly, named
from identity.api.serializers.attributes import OpenBody, SelfLink, own_links
from identity.api.serializers.projects import Description, Id


class GroupCreate(OpenBody):
    """POST /groups."""

    name: Name
    domain_id: Id | None = None
    description: Description | None = None


class GroupUpdate(GroupCreate):
    """PATCH /groups/{id}."""

    FIXED = frozenset({"domain_id"})

    name: Name = ""
    domain_id: Id = ""


class GroupShown(OpenAnswer):
    """A group."""

    INVENTED = "extra"

    id: str
    name: str
    domain_id: str
    description: str
    links: Annotated[SelfLink, own_links("groups")]


GROUP = Resource(
    singular="group",
    plural="groups",
    answer=GroupShown,
    create=GroupCreate,
    update=GroupUpdate,
    filters={**named(), "domain_id": exactly("domain_id")},
    refers=True,
)
