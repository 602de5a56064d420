"""What a list of images can be asked for, as a value; the queryset turns it into a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from image.sharing import ACCEPTED

Comparison = Literal["gt", "gte", "lt", "lte", "eq", "neq"]
SORT_KEYS = frozenset(
    {"id", "name", "status", "container_format", "disk_format", "size", "created_at", "updated_at"}
)
DEFAULT_ORDER = ("-created_at", "-id")


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Conditions that all must hold; None is "any".

    ``any_of`` maps id, name, status, container_format or disk_format to the values that are
    allowed; ``visibility`` "all" adds other projects' community images to what is seen anyway;
    ``member_status`` is the caller's answer to the images shared with it;
    ``words`` is a part of the name in whatever case, or an id.
    """

    any_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    visibility: str | None = None
    member_status: str | None = ACCEPTED
    project_id: str | None = None
    protected: bool | None = None
    os_hidden: bool = False
    tags: tuple[str, ...] = ()
    size_min: int | None = None
    size_max: int | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)  # min_disk, min_ram
    times: tuple[tuple[str, Comparison, datetime], ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    words: str | None = None
