"""The rule of a server's metadata items."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.exceptions import InvalidInput
from cloudweb.names import no_control_characters
from identity import quotas
from instances.conf import QUOTAS
from instances.exceptions import MetadataLimit
from instances.quota import SERVICE


def check_items(items: Mapping[str, str], project_id: str) -> None:
    """Raise InvalidInput for a bad key or value, MetadataLimit for more items than the quota has."""
    if not items:
        return
    limit = quotas.limits(project_id, SERVICE).get("metadata_items", QUOTAS["metadata_items"])
    if 0 <= limit < len(items):
        raise MetadataLimit(f"Maximum number of metadata items exceeds {limit}")
    for key, value in items.items():
        if not 1 <= len(key) <= 255 or not isinstance(value, str) or len(value) > 255:
            raise InvalidInput(
                field=f"metadata.{key[:40]}",
                value=None,
                reason="Keys have 1 to 255, values at most 255 characters.",
            )
        try:
            no_control_characters(key)
        except ValueError as error:
            raise InvalidInput(field="metadata", value=key, reason=f"{error}.") from error
