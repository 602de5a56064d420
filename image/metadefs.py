"""What one may ask of a list of metadata definitions, and how much one namespace holds."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ORDER = ("-created_at", "-id")
SORT_KEYS = frozenset(
    {"namespace", "display_name", "visibility", "protected", "created_at", "updated_at"}
)
#: Of each kind in one namespace, and of resource types in all; so these lists need no pages.
MOST = 256


@dataclass(frozen=True, slots=True)
class NamespaceFilter:
    """Conditions that all must hold; of ``resource_types`` one must fit."""

    visibility: str | None = None
    resource_types: tuple[str, ...] = ()
