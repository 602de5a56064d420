"""Domains on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from cloudweb.api.answers import OpenAnswer
from cloudweb.api.fields import LooseBool
from cloudweb.api.resource import Resource
from identity.api.filters import flagged, named
from identity.api.serializers.attributes import Immutable, OpenBody, Options, SelfLink, own_links
from identity.api.serializers.projects import Description, ProjectName, Tags

ChosenId = Annotated[str, StringConstraints(pattern=r"^[0-9a-zA-Z-]{1,64}$")]


class DomainUpdate(OpenBody):
    """PATCH /domains/{id}."""

    name: ProjectName = ""
    description: Description | None = None
    enabled: LooseBool = True
    tags: Tags = ()
    options: Options = Options()


class DomainCreate(DomainUpdate):
    """POST /domains."""

    model_config = ConfigDict(populate_by_name=False)

    name: ProjectName
    domain_id: ChosenId | None = Field(default=None, alias="explicit_domain_id")


class DomainShown(OpenAnswer):
    """A name space of users and projects."""

    INVENTED = "extra"

    id: str
    name: str
    description: str
    enabled: bool
    options: Immutable
    tags: list[str]
    links: Annotated[SelfLink, own_links("domains")]


DOMAIN = Resource(
    singular="domain",
    plural="domains",
    answer=DomainShown,
    create=DomainCreate,
    update=DomainUpdate,
    filters={**named(any_case=True), "enabled": flagged("enabled")},
)
