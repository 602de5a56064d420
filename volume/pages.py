"""Pages that begin some rows after their marker."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.models import Model, QuerySet

from cloudweb.listing import Listing, Page, page_of


def page_from(
    rows: QuerySet[Any], listing: Listing, *, last: Model | None, offset: int = 0
) -> Page[Any]:
    """Return the page of a listing that begins ``offset`` rows after its marker."""
    limit = None if listing.limit is None else listing.limit + offset
    page = page_of(rows, replace(listing, limit=limit), last=last)
    return Page(page.rows[offset:], page.more)
