"""Proofs of backups: those that nobody tried yet first, then those that were tried longest ago, so many a round."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from django.db.models import F, Q, QuerySet

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import CloudwebError

log = structlog.get_logger(__name__)


def prove_due(
    rows: QuerySet[Any],
    prove: Callable[[RequestContext, Any], object],
    *,
    tried: str,
    again_after: timedelta,
    most: int,
) -> None:
    """Begin to prove some of these backups, each for the cloud itself in its own project.

    ``tried`` is the column that says when one was tried last; what cannot be proven now is passed over.
    """
    due = rows.filter(Q(**{f"{tried}__isnull": True}) | Q(**{f"{tried}__lt": now() - again_after}))
    ordered = due.order_by(F(tried).asc(nulls_first=True), "created_at")
    for row in ordered.only("id", "project_id")[:most]:
        try:
            prove(RequestContext.system(project_id=row.project_id), row.id)
        except CloudwebError as error:  # somebody was faster
            log.info("not proven now", backup=str(row.id), error=error.message)
