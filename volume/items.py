"""The rule of key-value pairs that users put on volumes and snapshots."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import orjson

from cloudweb.exceptions import InvalidInput, RequestTooLarge
from cloudweb.names import no_control_characters
from volume.exceptions import MetadataChanged

MAX_ITEMS = 128


class TooManyItems(RequestTooLarge):
    """More metadata than one thing may carry."""

    code = "too_many_items"


def check_items(items: Mapping[str, str], *, field: str = "metadata") -> None:
    """Raise InvalidInput for a bad key or value, TooManyItems for more than one thing may carry."""
    if len(items) > MAX_ITEMS:
        raise TooManyItems(f"There may be {MAX_ITEMS} metadata items at most.")
    for key, value in items.items():
        if not 1 <= len(key) <= 255 or not isinstance(value, str) or len(value) > 255:
            raise InvalidInput(
                field=f"{field}.{key[:40]}",
                value=None,
                reason="Keys have 1 to 255, values at most 255 characters.",
            )
        try:
            no_control_characters(key)
            no_control_characters(value)
        except ValueError as error:
            raise InvalidInput(field=field, value=key, reason=f"{error}.") from error


def tag_of(items: Mapping[str, str]) -> str:
    """Return the ETag of metadata: another one for whatever differs."""
    digest = hashlib.sha256(orjson.dumps(items, option=orjson.OPT_SORT_KEYS))
    return f'"{digest.hexdigest()[:32]}"'


def check_tag(items: Mapping[str, str], expected: str) -> None:
    """Raise MetadataChanged unless If-Match, where there is one, names these items."""
    tags = {one.strip().removeprefix("W/") for one in expected.split(",")}
    if expected and not tags & {"*", tag_of(items)}:
        raise MetadataChanged
