"""Filters that every noun of the network API has, and those that are like no other service's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import Q

from cloudweb.api.filters import Filter, bounded, equal, identifier, number
from cloudweb.times import parse_moment
from network.models.standard import has_tag


def status_by_switch(values: Sequence[str]) -> Q:
    """Match a network's status, which follows from its switch."""
    return Q(admin_state_up__in=[value == "ACTIVE" for value in values if value in _SWITCHED])


_SWITCHED = ("ACTIVE", "DOWN")


def changed_since(values: Sequence[str]) -> Q:
    """Match what changed at or after the latest of the times."""
    return Q(updated_at__gte=max(parse_moment(value, field="changed_since") for value in values))


def _tags(values: Sequence[str]) -> list[str]:
    words = (tag for value in values for tag in value.split(","))
    return bounded((tag for tag in words if tag and "\0" not in tag), field="tags")


def all_tags(values: Sequence[str]) -> Q:
    """Match rows with every tag."""
    return Q(*(has_tag(tag) for tag in _tags(values)))


def any_tag(values: Sequence[str]) -> Q:
    """Match rows with one of the tags."""
    tags = [has_tag(tag) for tag in _tags(values)]
    return Q(*tags, _connector=Q.OR) if tags else Q()


STANDARD_FILTERS: Mapping[str, Filter] = {
    "id": identifier("id"),
    "tenant_id": equal("project_id"),
    "project_id": equal("project_id"),
    "description": equal("description"),
    "revision_number": number("revision"),
    "changed_since": changed_since,
    "tags": all_tags,
    "tags-any": any_tag,
    "not-tags": lambda values: ~all_tags(values),
    "not-tags-any": lambda values: ~any_tag(values),
}

STANDARD_SORT_KEYS: Mapping[str, str] = {
    "id": "id",
    "tenant_id": "project_id",
    "project_id": "project_id",
    "description": "description",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "revision_number": "revision",
}
