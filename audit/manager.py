"""The audit log is read; nothing but the recorder writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.conf import settings

from audit.exceptions import NoSuchMarker, RecordNotFound
from audit.filters import RecordFilter
from audit.models import Record
from audit.querysets import RecordQuerySet
from cloudweb.database.clock import now
from cloudweb.listing import MAX_LIMIT, Page, paginate
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import check, policy

EVERYTHING = RecordFilter()
NEWEST_FIRST = ("-created_at", "-id")
BATCH = 500
BATCHES = 200  # forgotten in one round, so that it ends


class RecordManager(Manager):
    """Who changed what, newest first."""

    @policy("audit:records:list")
    def list(
        self,
        wanted: RecordFilter = EVERYTHING,
        *,
        limit: int = MAX_LIMIT,
        marker: str | UUID | None = None,
        order: Sequence[str] = NEWEST_FIRST,
    ) -> Page[Record]:
        """Return a page of records; raise NoSuchMarker.

        Another project's, or those of all, are for operators (PolicyNotAuthorized).
        """
        rows = self._rows(wanted)
        last = self._find(marker) if marker is not None else None
        if marker is not None and last is None:
            raise NoSuchMarker
        return paginate(rows, limit=limit, marker=last, order=order)

    @policy("audit:records:list")
    def every(self, wanted: RecordFilter = EVERYTHING) -> Iterator[Record]:
        """Return all records that ``list`` would show, read page by page."""
        return self._pages(self._rows(wanted))

    @policy("audit:own_records:list")
    def own(self, *, limit: int) -> Sequence[Record]:
        """Return the latest of what the caller himself did, in whichever project; tokens apart."""
        rows = Record.objects.filter(user_id=str(self.context.user_id)).without_tokens()
        return paginate(rows, limit=limit).rows

    @policy("audit:records:list")
    def names_of(self, records: Sequence[Record]) -> Mapping[tuple[str, str], str]:
        """Return the last name that the log knows of each target, by kind and id, in one query."""
        wanted = {record.target_id for record in records if record.target_id}
        rows = self._visible().filter(target_id__in=wanted).exclude(target_name="")
        found = rows.order_by("created_at", "id").values_list(
            "target_kind", "target_id", "target_name"
        )
        return {(kind, target): name for kind, target, name in found}

    @policy("audit:records:get")
    def get(self, record_id: str | UUID) -> Record:
        """Return a record; raise RecordNotFound."""
        found = self._find(record_id)
        if found is None:
            raise RecordNotFound
        return found

    @periodic(every=timedelta(hours=1))
    @policy("audit:records:forget")
    def forget_old_records(self) -> None:
        """Drop audit records older than AUDIT_KEEP_DAYS (0 keeps all), in batches.

        Each batch is a statement of its own, so that other writers come in between; what is left over
        goes in the next round.
        """
        if settings.AUDIT_KEEP_DAYS <= 0:
            return
        limit = now() - timedelta(days=settings.AUDIT_KEEP_DAYS)
        for _ in range(BATCHES):
            old = Record.objects.filter(created_at__lt=limit).order_by("created_at")[:BATCH]
            gone, _kinds = Record.objects.filter(pk__in=old.values("pk")).delete()
            if gone < BATCH:
                return

    def _rows(self, wanted: RecordFilter) -> RecordQuerySet:
        own = self.context.project_id
        if wanted.project_id is None and not wanted.all_projects and own is not None:
            wanted = replace(wanted, project_id=own)
        if wanted.project_id is None or wanted.project_id != own:
            check(self.context, "audit:records:list_all_projects")
        return self._visible().matching(wanted)

    def _visible(self) -> RecordQuerySet:
        return Record.objects.all().visible_to(self.context)

    def _find(self, record_id: str | UUID) -> Record | None:
        try:
            key = record_id if isinstance(record_id, UUID) else UUID(record_id)
        except ValueError:
            return None
        return self._visible().filter(pk=key).first()

    def _pages(self, rows: RecordQuerySet) -> Iterator[Record]:
        last: Record | None = None
        more = True
        while more:
            page = paginate(rows, limit=MAX_LIMIT, marker=last)
            yield from page.rows
            more = page.more
            last = page.rows[-1] if page.rows else None
