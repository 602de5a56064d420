"""Hosts are emptied before somebody works on them, and put back afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from django.db import IntegrityError, transaction

from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import CloudwebError
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute.exceptions import HostIsDown
from compute.manager import HostManager
from instances import conf
from instances.exceptions import DrainNotFound
from instances.manager.instance import InstanceManager
from instances.migration_states import MigrationStatus, MigrationType
from instances.models import HostDrain, Instance, Migration
from instances.models.host_drain import DrainState
from instances.operations.live_migrate import CAPABILITY
from instances.states import VmState

log = structlog.get_logger(__name__)
#: How migrations end: the server is elsewhere, or where it was.
ARRIVED = (MigrationStatus.CONFIRMED, MigrationStatus.COMPLETED)
STAYED = (MigrationStatus.ERROR, MigrationStatus.FAILED, MigrationStatus.CANCELLED)
GONE = (VmState.DELETED, VmState.SHELVED_OFFLOADED)


class HostDrainManager(Manager):
    """The hosts that are being emptied."""

    @policy("compute:drains:list")
    def list(self) -> Sequence[HostDrain]:
        """Return all drains, the newest first."""
        return list(HostDrain.objects.all())

    @policy("compute:drains:list")
    def get(self, host: str) -> HostDrain:
        """Return the drain of a host that is not put back; raise DrainNotFound."""
        found = HostDrain.objects.filter(host=host, ended_at=None).first()
        if found is None:
            raise DrainNotFound(host)
        return found

    @policy("compute:drains:start")
    def drain(self, host: str, *, reason: str = "") -> HostDrain:
        """Place nothing more on a host and move its servers away; what was stuck is tried again.

        Raises HostNotFound, and HostIsDown for one that could not do its part: evacuate it.
        """
        hosts, said = HostManager(self.context), reason.strip()[:200]
        with transaction.atomic():
            if not hosts.is_up(host):
                raise HostIsDown(host)
            hosts.disable(host, reason=f"drained: {said}" if said else "drained")
            facts: dict[str, Any] = {"state": DrainState.DRAINING, "stuck": {}}
            known = HostDrain.objects.filter(host=host, ended_at=None)
            if not known.update(**facts, updated_at=now()):
                there = Instance.objects.filter(host=host).exclude(vm_state__in=GONE)
                servers = [str(key) for key in there.order_by("id").values_list("id", flat=True)]
                try:
                    with transaction.atomic():
                        HostDrain.objects.create(
                            host=host,
                            reason=said,
                            user_id=self.context.user_id or "",
                            servers=servers,
                        )
                except IntegrityError:  # somebody else was faster
                    log.info("host is drained already", host=host)
        return self.get(host)

    @policy("compute:drains:end")
    def undrain(self, host: str) -> HostDrain:
        """Place servers on a host again; those that moved stay where they are. Raises DrainNotFound."""
        with transaction.atomic():
            row = locked(HostDrain.objects.filter(host=host, ended_at=None)).first()
            if row is None:
                raise DrainNotFound(host)
            HostManager(self.context).enable(host)
            moment = now()
            HostDrain.objects.filter(pk=row.pk).update(
                state=DrainState.ENDED, ended_at=moment, updated_at=moment
            )
        row.refresh_from_db()
        return row

    @periodic(every=5)
    @policy("compute:drains:advance")
    def advance_drains(self) -> None:
        """Move the next servers off hosts that are being emptied."""
        live = HostDrain.objects.filter(state=DrainState.DRAINING)
        for row in live:
            self._advance(row)

    def _advance(self, row: HostDrain) -> None:
        self._look(row)
        there = Instance.objects.filter(host=row.host).exclude(vm_state__in=GONE)
        waits = False
        for key in there.order_by("id").values_list("id", flat=True):
            server_id = str(key)
            if server_id in row.stuck or server_id in row.moving:
                continue
            if len(row.moving) >= conf.DRAIN_AT_ONCE:
                waits = True
                break
            waits = self._move(row, server_id) or waits
        if not waits and not row.moving:
            row.state = DrainState.DRAINED
        HostDrain.objects.filter(pk=row.pk, state=DrainState.DRAINING).update(
            state=row.state,
            servers=row.servers,
            moving=row.moving,
            moved=row.moved,
            stuck=row.stuck,
            updated_at=now(),
        )

    def _move(self, row: HostDrain, server_id: str) -> bool:
        """Start moving a server; tell whether it has to wait for what is done to it now."""
        if server_id not in row.servers:
            row.servers.append(server_id)
        if Instance.objects.filter(id=server_id).exclude(task_state=None).exists():
            return True
        manager = InstanceManager(RequestContext.system())
        goes_live = HostManager(self.context).is_able(row.host, CAPABILITY)
        runs = Instance.objects.filter(id=server_id, vm_state__in=(VmState.ACTIVE, VmState.PAUSED))
        try:
            if goes_live and runs.exists():
                manager.live_migrate(server_id)
            else:
                manager.migrate(server_id)
        except CloudwebError as error:
            row.stuck[server_id] = error.message
        else:
            row.moving.append(server_id)
        return False

    def _look(self, row: HostDrain) -> None:
        """See what became of those under way: who arrived stays there, who failed says why."""
        under_way = []
        for server_id in row.moving:
            found = Migration.objects.filter(
                instance_id=server_id,
                source_host=row.host,
                migration_type__in=(MigrationType.MIGRATION, MigrationType.LIVE),
            ).first()
            if found is None or found.status in STAYED:
                row.stuck[server_id] = (
                    found.error if found else ""
                ) or "Its migration came to nothing."
            elif found.status in ARRIVED:
                row.moved.append(server_id)
            elif found.status == MigrationStatus.REVERTED:
                row.stuck[server_id] = "Its user let it go back."
            else:
                under_way.append(server_id)
                if found.status == MigrationStatus.FINISHED:
                    self._confirm(server_id)
        row.moving = under_way

    def _confirm(self, server_id: str) -> None:
        try:
            InstanceManager(RequestContext.system()).confirm_resize(server_id)
        except CloudwebError as error:  # something else is done to it: the next round looks again
            log.info("not confirmed", instance_id=server_id, reason=error.message)
