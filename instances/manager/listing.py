"""Lists of servers, and what they may be narrowed and sorted by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, TypedDict, Unpack

from django.db.models import Q

from cloudweb import policy as policies
from cloudweb.context import RequestContext
from cloudweb.database.uuids import Among
from cloudweb.exceptions import BadRequest
from cloudweb.identifiers import as_uuid
from cloudweb.listing import MAX_LIMIT, NOBODY, Page, SortKey, ordered, paginate, paginate_matching
from cloudweb.manager import Manager
from cloudweb.patterns import Pattern
from cloudweb.policy import policy
from cloudweb.times import end_of_second
from instances.models import Instance, InstancePort
from instances.querysets import InstanceQuerySet
from instances.rows import ServerName, ServerRow, server_names, server_rows
from instances.states import VmState, spans_of, vm_states_of
from network.manager import PortManager

SORT_KEYS = {
    "created_at": "created_at",
    "display_name": "name",
    "updated_at": "updated_at",
    "uuid": "id",
    "vm_state": "vm_state",
    "task_state": "task_state",
    "power_state": "power_state",
    "launched_at": "launched_at",
    "host": "host",
    "image_ref": "image_id",
    "key_name": "key_name",
    "project_id": "project_id",
    "user_id": "user_id",
    "availability_zone": "zone",
    "locked": "locked_by",
}
#: What no list shows, and may be large; user data is shown to admins alone.
UNSHOWN = (
    *("injected_files", "admin_password", "scheduler_hints"),
    *("rescue_password", "posted_password", "before_rebuild"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list may be narrowed by; None is not asked for.

    ``name`` is a part of the name in whatever case, ``patterns`` are of columns; ``addresses`` must all be found.
    Of the tags those of ``tags`` must all be there, of ``any_tags`` one; of ``not_tags`` one must
    be missing, of ``not_any_tags`` all.
    """

    name: str | None = None
    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    statuses: Sequence[str] = ()
    vm_states: Sequence[str] = ()
    task_state: str | None = None
    power_state: int | None = None
    image_id: str | None = None
    flavor_id: str | None = None
    host: str | None = None
    project_id: str | None = None
    user_id: str | None = None
    key_name: str | None = None
    reservation_id: str | None = None
    zone: str | None = None
    addresses: Sequence[Pattern] = ()
    ids: Sequence[str] = ()
    changed_since: Any = None
    changed_before: Any = None
    tags: Sequence[str] = ()
    any_tags: Sequence[str] = ()
    not_tags: Sequence[str] = ()
    not_any_tags: Sequence[str] = ()
    locked: bool | None = None
    deleted: bool | None = None
    soft_deleted: bool = False
    all_projects: bool = False


def filtered(context: RequestContext, wanted: Filters) -> InstanceQuerySet:
    """Return the servers a caller asks for; Forbidden by policy for those of all projects."""
    if wanted.all_projects:
        policies.check(context, "compute:servers:list_all_projects")
        rows = Instance.objects.all()
    else:
        rows = Instance.objects.filter(project_id=context.project_id or "")
    rows = rows.defer(*(UNSHOWN if context.is_admin else (*UNSHOWN, "user_data")))
    of_changes = wanted.changed_since is not None or wanted.changed_before is not None
    deleted = wanted.deleted if context.is_admin else None
    if deleted:
        rows = rows.filter(vm_state=VmState.DELETED)
    elif deleted is False or not of_changes:
        rows = rows.alive()
    if not (deleted or of_changes or wanted.soft_deleted or _asks_for_soft_deleted(wanted)):
        rows = rows.exclude(vm_state=VmState.SOFT_DELETED)
    exact = {
        "task_state": wanted.task_state,
        "power_state": wanted.power_state,
        "image_id": wanted.image_id,
        "flavor_id": wanted.flavor_id,
        "user_id": wanted.user_id,
        "key_name": wanted.key_name,
        "reservation_id": wanted.reservation_id,
        "zone": wanted.zone,
    }
    if wanted.changed_since is not None:
        rows = rows.filter(_changed(wanted.changed_since, everywhere=wanted.all_projects))
    rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
    if wanted.changed_before is not None:
        rows = rows.filter(updated_at__lte=end_of_second(wanted.changed_before))
    if context.is_admin:
        if wanted.host is not None:
            rows = rows.filter(host=wanted.host)
        if wanted.project_id is not None and wanted.all_projects:
            rows = rows.filter(project_id=wanted.project_id)
    if wanted.name is not None:
        rows = rows.filter(name__icontains=wanted.name)
    for column, pattern in wanted.patterns.items():
        rows = rows.filter(pattern.condition(column) or Q())
    rows = rows.filter(_with_tags(wanted))
    if wanted.locked is not None:
        rows = rows.exclude(locked_by="") if wanted.locked else rows.filter(locked_by="")
    if wanted.ids:
        rows = rows.filter(id__in=[found for i in wanted.ids if (found := as_uuid(i))])
    if wanted.statuses:
        rows = rows.filter(_with_status(wanted.statuses))
    if wanted.vm_states:
        rows = rows.filter(vm_state__in=list(wanted.vm_states))
    for pattern in wanted.addresses:
        ports = PortManager(context).ids_at(pattern)
        rows = rows.filter(
            id__in=InstancePort.objects.filter(Among("port_id", ports)).values("instance")
        )
    return rows


def _asks_for_soft_deleted(wanted: Filters) -> bool:
    """Tell whether servers are asked for that can be restored: else a list has none of them."""
    return bool(wanted.ids) or VmState.SOFT_DELETED in {
        *wanted.vm_states,
        *(state for status in wanted.statuses for state in vm_states_of(status)),
    }


class Listing(TypedDict, total=False):
    """Which page, in which order."""

    limit: int
    marker: str | None
    sort: Sequence[SortKey]


class InstanceLists(Manager):
    """Pages of the caller's servers, each as much as its reader shows.

    All raise BadRequest for an unknown marker or sort key, Forbidden by policy.
    """

    @policy("compute:servers:list")
    def list(self, filters: Filters | None = None, **listing: Unpack[Listing]) -> Page[Instance]:
        """Return a page of rows to work with."""
        return self._page(filters, list, **listing)

    @policy("compute:servers:list")
    def list_rows(
        self, filters: Filters | None = None, **listing: Unpack[Listing]
    ) -> Page[ServerRow]:
        """Return a page of all that is shown of a server."""
        read = partial(server_rows, with_user_data=self.context.is_admin)
        return self._page(filters, read, **listing)

    @policy("compute:servers:list")
    def list_names(
        self, filters: Filters | None = None, **listing: Unpack[Listing]
    ) -> Page[ServerName]:
        """Return a page of ids and names."""
        return self._page(filters, server_names, **listing)

    def _page(
        self,
        filters: Filters | None,
        read: Callable[[Any], Sequence[Any]],
        *,
        limit: int = MAX_LIMIT,
        marker: str | None = None,
        sort: Sequence[SortKey] = (SortKey("created_at", descending=True),),
    ) -> Page[Any]:
        # Of those that are equal the newest is on the same side as the greatest, as in Nova; indexes have them so.
        age = SortKey("created_at", descending=not sort or sort[0].descending)
        order = ordered([*sort, age], SORT_KEYS, last="id")
        after = None
        if marker:
            key = as_uuid(marker)
            after = (
                Instance.objects.visible_to(self.context).filter(id=key).first() if key else None
            )
            if after is None:
                raise BadRequest(f"marker [{marker[:64]}] not found")
        wanted = filters or Filters()
        return page_of(self.context, wanted, limit=limit, marker=after, order=order, read=read)


def page_of(
    context: RequestContext,
    wanted: Filters,
    *,
    limit: int,
    marker: Instance | None,
    order: Sequence[str],
    read: Callable[[Any], Sequence[Any]] = list,
) -> Page[Any]:
    """Return one page of the servers a caller asks for; a real expression is matched row by row."""
    rows = filtered(context, wanted)
    matches = {
        column: pattern.matches
        for column, pattern in wanted.patterns.items()
        if pattern.condition(column) is None
    }
    if not matches:
        return paginate(rows, limit=limit, marker=marker, order=order, read=read)
    return paginate_matching(
        rows, matches=matches, limit=limit, marker=marker, order=order, read=read
    )


def _changed(since: datetime, *, everywhere: bool) -> Q:
    """Return what changed since then; of all projects found first, for few did: no planner knows how few."""
    changed = Q(updated_at__gte=since)
    return Q(id__in=Instance.objects.filter(changed).values("id")) if everywhere else changed


def _with_tags(wanted: Filters) -> Q:
    condition = Q()
    for tag in wanted.tags:
        condition &= Q(tags__lists=tag)
    if wanted.any_tags:
        condition &= _any_of(wanted.any_tags)
    if wanted.not_tags:
        every = Q()
        for tag in wanted.not_tags:
            every &= Q(tags__lists=tag)
        condition &= ~every
    return condition & ~_any_of(wanted.not_any_tags) if wanted.not_any_tags else condition


def _any_of(tags: Sequence[str]) -> Q:
    condition = NOBODY
    for tag in tags:
        condition |= Q(tags__lists=tag)
    return condition


def _with_status(statuses: Sequence[str]) -> Q:
    condition = NOBODY
    words = dict.fromkeys(status.upper() for status in statuses)
    for vm_state, task_state, others in chain.from_iterable(map(spans_of, words)):
        part = Q(vm_state=vm_state)
        if task_state is not None:
            part &= Q(task_state=task_state)
        elif others:
            part &= ~Q(task_state__in=others)
        condition |= part
    return condition
