"""What servers used of the cloud in a time: hours, and what they had for as long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce, Greatest, Least

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, Forbidden
from cloudweb.identifiers import as_uuid
from cloudweb.listing import NO_LIMIT, Page, paginate
from cloudweb.manager import Manager
from cloudweb.policy import policy
from instances.models import Instance

#: The order of pages: what belongs to a project stands together.
ORDER = ("project_id", "id")


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when; ``end`` is never in the future of what is known."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, start: datetime | None, end: datetime | None) -> Window:
        """Return the time that was asked for, until now unless told otherwise; raise BadRequest."""
        at = now()
        found = cls(start or at, end or at)
        if found.start > found.end:
            raise BadRequest("Invalid start time. The start time cannot occur after the end time.")
        return found

    def hours(self, begin: datetime, end: datetime | None) -> float:
        """Return how many of its hours something was there, that may be there still."""
        last = min(self.end, end or self.end)
        return max(0.0, (last - max(self.start, begin)).total_seconds() / 3600)


class ServerUse(NamedTuple):
    """A server in a window. RAM in MiB, disk in GiB, ``uptime`` in seconds until now or its end."""

    id: str
    name: str
    project_id: str
    flavor: str
    vcpus: int
    ram: int
    disk: int
    started_at: datetime
    ended_at: datetime | None
    state: str
    hours: float
    uptime: int


class ProjectUse(NamedTuple):
    """What a project's servers used, times hours."""

    project_id: str
    window: Window
    servers: Sequence[ServerUse]

    @property
    def hours(self) -> float:
        """Hours of servers."""
        return sum(one.hours for one in self.servers)

    def times(self, name: Literal["vcpus", "ram", "disk"]) -> float:
        """Return the hours of something that servers have."""
        return float(sum(one.hours * getattr(one, name) for one in self.servers))


class Total(NamedTuple):
    """What servers used, times hours. RAM in MiB, disk in GiB."""

    hours: float = 0.0
    vcpus: float = 0.0
    ram: float = 0.0
    disk: float = 0.0


class UsageManager(Manager):
    """Usage of the caller's project, of all for operators."""

    @policy("compute:usage:get")
    def find(
        self,
        window: Window,
        *,
        words: str | None = None,
        order: Sequence[str] = ORDER,
        limit: int = NO_LIMIT,
        marker: str | None = None,
    ) -> Page[ServerUse]:
        """Return a page of the project's own servers in the window; ``words`` is a part of a name.

        Raises BadRequest for a wrong marker.
        """
        rows = self._own()
        if words:
            rows = rows.filter(name__icontains=words)
        return self._page(rows, window, limit, marker, order)

    @policy("compute:usage:get")
    def total(self, window: Window) -> Total:
        """Return what all of the project's own servers used, by one statement for any number of them."""
        end = Value(window.end, output_field=DateTimeField())
        begun = Greatest("launched_at", Value(window.start, output_field=DateTimeField()))
        ended = Least(Coalesce("terminated_at", end), end)
        time = Sum(ExpressionWrapper(ended - begun, output_field=DurationField()))
        sizes = _in_window(self._own(), window).order_by().values(*_SIZE).annotate(time=time)
        parts = [(size["time"].total_seconds() / 3600, size) for size in sizes]
        return Total(
            hours=sum((hours for hours, _ in parts), 0.0),
            vcpus=sum((hours * size["vcpus"] for hours, size in parts), 0.0),
            ram=sum((hours * size["ram"] for hours, size in parts), 0.0),
            disk=sum((hours * (size["disk"] + size["ephemeral"]) for hours, size in parts), 0.0),
        )

    def _own(self) -> QuerySet[Instance]:
        return Instance.objects.filter(project_id=self.context.project_id or "")

    @policy("compute:usage:list")
    def list(
        self, window: Window, *, limit: int = NO_LIMIT, marker: str | None = None
    ) -> Page[ServerUse]:
        """Return all projects' servers in the window, by project; raise BadRequest for a wrong marker."""
        return self._page(Instance.objects.all(), window, limit, marker)

    @policy("compute:usage:get")
    def get(
        self, project_id: str, window: Window, *, limit: int = NO_LIMIT, marker: str | None = None
    ) -> Page[ServerUse]:
        """Return a project's servers in the window; Forbidden for another project's."""
        if project_id != self.context.project_id and not self.context.is_admin:
            raise Forbidden("Policy doesn't allow compute:usage:get to be performed.")
        return self._page(Instance.objects.filter(project_id=project_id), window, limit, marker)

    def _page(
        self,
        rows: QuerySet[Instance],
        window: Window,
        limit: int,
        marker: str | None,
        order: Sequence[str] = ORDER,
    ) -> Page[ServerUse]:
        last = None
        if marker is not None:
            key = as_uuid(marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise BadRequest(f"marker [{marker[:64]}] not found")
        rows = _in_window(rows, window)
        at = now()

        def read(found: QuerySet[Any]) -> Sequence[ServerUse]:
            return [_use(row, window, at) for row in found.only(*_COLUMNS)]

        return paginate(rows, limit=limit, marker=last, order=order, read=read)


#: What is multiplied with hours.
_SIZE = ("vcpus", "ram", "disk", "ephemeral")
_COLUMNS = (
    *("id", "name", "project_id", "flavor_name", "vcpus", "ram", "disk", "ephemeral"),
    *("launched_at", "terminated_at", "vm_state"),
)


def _in_window(rows: QuerySet[Instance], window: Window) -> QuerySet[Instance]:
    there = Q(terminated_at=None) | Q(terminated_at__gt=window.start)
    return rows.filter(there, launched_at__lt=window.end)


def _use(row: Instance, window: Window, at: datetime) -> ServerUse:
    assert row.launched_at is not None
    ended = row.terminated_at
    return ServerUse(
        id=str(row.id),
        name=row.name,
        project_id=row.project_id,
        flavor=row.flavor_name,
        vcpus=row.vcpus,
        ram=row.ram,
        disk=row.disk + row.ephemeral,
        started_at=row.launched_at,
        ended_at=ended,
        state="terminated" if ended else row.vm_state,
        hours=window.hours(row.launched_at, ended),
        uptime=int(((ended or at) - row.launched_at).total_seconds()),
    )


def by_project(uses: Iterable[ServerUse], window: Window) -> Sequence[ProjectUse]:
    """Sum up what a page holds, project by project."""
    found: dict[str, list[ServerUse]] = {}
    for one in uses:
        found.setdefault(one.project_id, []).append(one)
    return [ProjectUse(project, window, servers) for project, servers in found.items()]
