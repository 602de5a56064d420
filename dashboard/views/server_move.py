"""A server goes to another host while it runs: what hosts say before, how far it is, how it ended."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from compute.live_progress import LiveProgress
from compute.manager import HostManager
from dashboard.views.page import Page
from dashboard.views.server import ServerPage
from instances.manager import InstanceManager
from instances.manager.migrations import MigrationManager
from instances.migration_states import LIVE, MigrationStatus

if TYPE_CHECKING:
    from instances.models import Instance, Migration
    from instances.operations.live_checks import Verdict

MIB = 1024**2
PHASES = {
    "preparing": "Making ready",
    "disks": "Copying disks",
    "memory": "Copying memory",
    "downtime": "Copying what is left, with a longer pause allowed",
    "suspended": "Paused until all is there",
    "post-copy": "Running on the new host, fetching the rest",
}


class Moving(NamedTuple):
    """A live migration as the page shows it; sizes in MiB, speeds in MiB a second."""

    row: Migration
    is_live: bool
    phase: str
    percent: int
    memory_left: int
    disk_left: int
    speed: int
    dirty_rate: int
    downtime: int
    to_go: str


class Expected(NamedTuple):
    """What hosts said before."""

    host: str
    reasons: Sequence[str]
    memory: int = 0
    copied: int = 0
    dirty_rate: int = 0
    downtime: int = 0
    time: str = ""


class ServerMove(ServerPage):
    """Ask the hosts, begin, watch."""

    tab: ClassVar[str] = "server_move"
    template = "dashboard/servers/moving.html"
    below = "dashboard/servers/move.html"

    def facts(self, server_id: uuid.UUID) -> dict[str, Any]:
        """Add the last migration, the hosts where an operator may choose, and what they say if asked."""
        facts = super().facts(server_id)
        server, may_move = facts["server"], self.may("compute:servers:live_migrate")
        last = MigrationManager(self.context).last_live(str(server_id)) if may_move else None
        query = self.request.GET
        facts = {
            **facts,
            "may_move": may_move,
            "moving": _moving(last) if last is not None else None,
            "hosts": self._hosts(server),
            "chosen": query.get("host", ""),
        }
        if may_move and "ask" in query:
            facts |= self._verdict(server, query.get("host", ""))
        return facts

    def _verdict(self, server: Instance, host: str) -> dict[str, Any]:
        try:
            said = InstanceManager(self.context).live_verdict(str(server.id), host=host or None)
        except CloudwebError as error:
            return {"wrong": error.message}
        return {"expected": _expected(said)}

    def _hosts(self, server: Instance) -> Sequence[str]:
        if not self.may("compute:servers:live_migrate_to_host"):
            return ()
        hosts = HostManager(self.context)
        names = [one.name for one in hosts.list() if one.name != server.host]
        return sorted(hosts.up_with("live_migration", names))

    def post(self, request: HttpRequest, server_id: uuid.UUID) -> HttpResponse:
        """Start it, or say what is in the way."""
        host, manager = request.POST.get("host", ""), InstanceManager(self.context)
        try:
            manager.live_migrate(str(server_id), host=host or None)
        except CloudwebError as error:
            if error.status == 404:
                raise
            return self.shown(self.facts(server_id), status=422, wrong=error.message, chosen=host)
        name = manager.get(server_id).name
        return self.done(
            f"{name} is going to another host.", reverse("server_move", args=[server_id])
        )


class EndMove(Page):
    """Call a migration off, or have it over at once."""

    section = "servers"
    how: ClassVar[str] = "abort"

    def post(self, request: HttpRequest, server_id: uuid.UUID, migration_id: int) -> HttpResponse:
        """Do it; the page shows how it ends."""
        manager = InstanceManager(self.context)
        manager.get(server_id)  # another project's is not there
        if self.how == "finish":
            manager.force_complete(str(server_id), str(migration_id))
            said = "It is paused until all of it is on its new host."
        else:
            manager.abort_migration(str(server_id), str(migration_id))
            said = "It stays where it is."
        return self.done(said, reverse("server_move", args=[server_id]))


def _moving(row: Migration) -> Moving:
    seen = LiveProgress(**row.progress) if row.progress else LiveProgress(id=str(row.instance_id))
    total = seen.memory_total + seen.disk_total
    left = seen.memory_remaining + seen.disk_remaining
    runs = row.status == MigrationStatus.RUNNING
    return Moving(
        row=row,
        is_live=row.status in LIVE,
        phase=PHASES[seen.phase] if runs else row.get_status_display().capitalize(),
        percent=100 * (total - left) // total if runs and total else 0,
        memory_left=seen.memory_remaining // MIB,
        disk_left=seen.disk_remaining // MIB,
        speed=seen.speed // MIB,
        dirty_rate=seen.dirty_rate // MIB,
        downtime=seen.downtime,
        to_go=_time(seen.seconds) if row.progress else "",
    )


def _expected(said: Verdict) -> Expected:
    source = said.source
    if source is None:
        return Expected(said.host, said.reasons)
    return Expected(
        host=said.host,
        reasons=said.reasons,
        memory=source.memory // MIB,
        copied=sum(disk.used for disk in source.disks if disk.copied) // MIB,
        dirty_rate=source.dirty_rate // MIB,
        downtime=source.downtime,
        time=_time(source.seconds),
    )


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "no end at this rate"
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
