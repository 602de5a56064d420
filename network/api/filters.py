"""Query keys become conditions. Values of one key are OR-ed; the keys are AND-ed by the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from django.db.models import Q

from cloudweb.api.fields import as_uuid, loose_bool
from cloudweb.exceptions import InvalidInput
from network.models.standard import has_tag

Filter = Callable[[Sequence[str]], Q]
NOBODY = Q(pk__in=[])


def equal(field: str, words: Mapping[str, str] | None = None, *, fold: bool = False) -> Filter:
    """Match text as it is; ``words`` are what clients say for the column's values."""

    def condition(values: Sequence[str]) -> Q:
        meant = [words.get(value, "") for value in values] if words else list(values)
        found = [value.lower() for value in meant] if fold else meant
        return Q(**{f"{field}__in": [value for value in found if "\0" not in value]})

    return condition


def identifier(field: str) -> Filter:
    """Match UUIDs; a value that is none matches nothing."""

    def condition(values: Sequence[str]) -> Q:
        found = [number for number in map(as_uuid, values) if number is not None]
        return Q(**{f"{field}__in": found}) if found else NOBODY

    return condition


def flag(field: str) -> Filter:
    """Match a boolean in any of its spellings."""

    def condition(values: Sequence[str]) -> Q:
        wanted = [loose_bool(value) for value in values]
        for said, value in zip(values, wanted, strict=True):
            if not isinstance(value, bool):
                raise InvalidInput(field=field, value=said, reason="It must be a boolean.")
        return Q(**{f"{field}__in": wanted})

    return condition


def number(field: str) -> Filter:
    """Match a whole number."""

    def condition(values: Sequence[str]) -> Q:
        for value in values:
            if not (value.isascii() and value.isdigit() and len(value) < 10):
                raise InvalidInput(field=field, value=value, reason="It must be a number.")
        return Q(**{f"{field}__in": [int(value) for value in values]})

    return condition


def status_by_switch(values: Sequence[str]) -> Q:
    """Match a network's status, which follows from its switch."""
    return Q(admin_state_up__in=[value == "ACTIVE" for value in values if value in _SWITCHED])


_SWITCHED = ("ACTIVE", "DOWN")


def changed_since(values: Sequence[str]) -> Q:
    """Match what changed at or after the latest of the times."""
    moments = []
    for value in values:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidInput(
                field="changed_since", value=value, reason="It must be an ISO 8601 time."
            ) from error
        moments.append(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return Q(updated_at__gte=max(moments))


def _tags(values: Sequence[str]) -> list[str]:
    return [tag for value in values for tag in value.split(",") if tag and "\0" not in tag]


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
