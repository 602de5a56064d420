"""Names of what records are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from audit.manager import RecordManager
from cloudweb.context import RequestContext
from cloudweb.identifiers import as_uuid
from cloudweb.policy import allows
from image.filters import ImageFilter
from image.manager import ImageManager
from instances.manager import InstanceManager

if TYPE_CHECKING:
    from audit.models import Record


def names_of(context: RequestContext, records: Sequence[Record]) -> Mapping[tuple[str, str], str]:
    """Return the targets' names: as the log knows them, and as servers and images are called now."""
    found = dict(RecordManager(context).names_of(records))

    def ids(kind: str) -> tuple[str, ...]:
        known = {as_uuid(one.target_id) for one in records if one.target_kind == kind}
        return tuple(str(key) for key in known if key is not None)

    servers, images = ids("server"), ids("image")
    if servers and allows(context, "compute:servers:list"):
        found |= {
            ("server", key): name for key, name in InstanceManager(context).names(servers).items()
        }
    if images and allows(context, "image:images:list"):
        page = ImageManager(context).list(
            wanted=ImageFilter(any_of={"id": images}, visibility="all"), limit=len(images)
        )
        found |= {("image", str(one.id)): one.name for one in page.rows if one.name}
    return found
