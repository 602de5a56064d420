"""Queries over the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from audit.filters import RecordFilter
from cloudweb.context import RequestContext

if TYPE_CHECKING:
    from audit.models import Record  # noqa: F401  (named in a string below)

#: What an API client leaves with each command.
TOKENS = ("identity:tokens:issue", "identity:ec2_tokens:issue", "identity:tokens:revoke")
#: What logging in and out leaves.
LOG_INS = (
    *TOKENS,
    "identity:sessions:create",
    "identity:sessions:delete",
)
#: Conditions that are plain equality.
EQUAL = ("project_id", "target_id", "request_id", "outcome", "origin")


class RecordQuerySet(models.QuerySet["Record"]):
    """Records, narrowed step by step."""

    def visible_to(self, context: RequestContext) -> Self:
        """Keep the records of the caller's project; who reads everything sees all."""
        if context.reads_all:
            return self
        return self.filter(project_id=context.scoped_project_id)

    def matching(self, wanted: RecordFilter) -> Self:
        """Keep what meets every condition."""
        equal = {name: getattr(wanted, name) for name in EQUAL}
        rows = self.filter(**{name: value for name, value in equal.items() if value is not None})
        if wanted.user is not None:
            rows = rows.filter(Q(user_id=wanted.user) | Q(user_name=wanted.user))
        if wanted.action is not None:
            lookup = "startswith" if wanted.action.endswith(":") else "exact"
            rows = rows.filter(**{f"action__{lookup}": wanted.action})
        if wanted.log_ins is not None:
            chosen = Q(action__in=LOG_INS)
            rows = rows.filter(chosen if wanted.log_ins else ~chosen)
        if wanted.tokens is False:
            rows = rows.without_tokens()
        if wanted.since is not None:
            rows = rows.filter(created_at__gte=wanted.since)
        if wanted.until is not None:
            rows = rows.filter(created_at__lt=wanted.until)
        return rows

    def without_tokens(self) -> Self:
        """Leave out tokens that were issued or ended as they should."""
        return self.exclude(action__in=TOKENS, outcome="success")
