"""Which image a datastore version's servers boot from."""

from __future__ import annotations

from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest
from databases.models import DatastoreVersion
from image.filters import ImageFilter
from image.manager import ImageManager


def image_of(version: DatastoreVersion) -> str:
    """Return the id of a version's image: its own, else the newest public one with its tags.

    Only operators make images public, so no tenant can slip one in. Raises BadRequest for none.
    """
    if version.image_id is not None:
        return str(version.image_id)
    wanted = ImageFilter(
        any_of={"status": ("active",)}, visibility="public", tags=tuple(version.image_tags)
    )
    images = ImageManager(RequestContext.system())
    page = images.list(wanted=wanted, order=("-created_at", "-id"), limit=1)
    if not page.rows:
        raise BadRequest(f"There is no image for datastore version '{version.name}'.")
    return str(page.rows[0].id)
