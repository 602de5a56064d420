"""Projects on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated

from django.db.models import Q
from pydantic import AfterValidator, Field, StringConstraints

from cloudweb.api.answers import OpenAnswer
from cloudweb.api.fields import LooseBool
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Always, Of
from cloudweb.listing import NOBODY
from cloudweb.names import no_control_characters, not_blank
from identity.api.filters import anything, exactly, flagged, named
from identity.api.serializers.attributes import Immutable, OpenBody, Options, SelfLink, own_links

ProjectName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(no_control_characters),
    AfterValidator(not_blank),
]


def _no_separator(tag: str) -> str:
    if "/" in tag or "," in tag:
        raise ValueError("A tag has no comma and no slash")
    return no_control_characters(tag)


Tag = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_no_separator)]


def _each_once(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(tags)) != len(tags):
        raise ValueError("A tag is there once")
    return tags


Tags = Annotated[tuple[Tag, ...], Field(max_length=80), AfterValidator(_each_once)]
Description = Annotated[str, StringConstraints(max_length=4096)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ProjectCreate(OpenBody):
    """POST /projects."""

    name: ProjectName
    domain_id: Id | None = None
    parent_id: Id | None = None
    description: Description | None = None
    enabled: LooseBool = True
    is_domain: bool | None = None
    tags: Tags = ()
    options: Options = Options()


class ProjectUpdate(ProjectCreate):
    """PATCH /projects/{id}."""

    FIXED = frozenset({"domain_id", "parent_id", "is_domain"})

    name: ProjectName = ""
    domain_id: Id = ""


class ProjectShown(OpenAnswer):
    """What owns resources, with the attributes its clients invented."""

    INVENTED = "extra"

    id: str
    name: str
    domain_id: str | None
    parent_id: Annotated[str | None, Of(lambda row: row.parent_id or row.domain_id)]
    enabled: bool
    description: str
    is_domain: Annotated[bool, Always(False)]
    tags: list[str]
    options: Immutable
    links: Annotated[SelfLink, own_links("projects")]


class DomainAsProject(ProjectShown):
    """A domain as the project that acts as it: nothing is above it."""

    domain_id: Annotated[str | None, Always(None)]
    parent_id: Annotated[str | None, Always(None)]
    is_domain: Annotated[bool, Always(True)]


#: What each tag filter asks of a project's tags.
TAG_TESTS: dict[str, Callable[[set[str], set[str]], bool]] = {
    "tags": lambda tags, want: want <= tags,
    "tags-any": lambda tags, want: bool(want & tags),
    "not-tags": lambda tags, want: not want <= tags,
    "not-tags-any": lambda tags, want: not want & tags,
}


def _below(values: Sequence[str]) -> Q:
    """Match what lies right below a project or domain."""
    parent = values[-1]
    return Q(parent_id=parent) | Q(parent=None, domain_id=parent)


def _nowhere(values: Sequence[str]) -> Q:
    """Match nothing: no domain lies in another or below a project."""
    return NOBODY if values[-1] else Q()


#: What the view asks of the rows itself.
ASKED = dict.fromkeys(("is_domain", *TAG_TESTS), anything)
PROJECT = Resource(
    singular="project",
    plural="projects",
    answer=ProjectShown,
    create=ProjectCreate,
    update=ProjectUpdate,
    filters={
        **named(),
        "domain_id": exactly("domain_id"),
        "enabled": flagged("enabled"),
        "parent_id": _below,
        **ASKED,
    },
)
ACTING = replace(
    PROJECT,
    answer=DomainAsProject,
    filters={
        **named(any_case=True),
        "enabled": flagged("enabled"),
        **dict.fromkeys(("domain_id", "parent_id"), _nowhere),
        **ASKED,
    },
)
OF_USER = replace(PROJECT, order=("name", "id"))
