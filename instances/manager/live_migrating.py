"""Live migrations: begun, judged before, called off, forced to an end."""

from __future__ import annotations

from typing import Any, Literal

from django.db import transaction

from cloudweb import policy as policies
from cloudweb.context import RequestContext
from cloudweb.driver import DriverError
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.policy import policy
from compute.exceptions import NoValidHost
from compute.live_objects import BlockCopy
from compute.manager import HostManager
from compute.objects import GuestRef
from compute.rpc import ABORT_LIVE, FORCE_COMPLETE_LIVE
from instances.actions.moving import LIVE_MIGRATE
from instances.exceptions import CannotMigrateToSameHost
from instances.live_exceptions import CannotMigrateLive, HostMovesNothing, InvalidMigrationState
from instances.manager.acting import InstanceActs
from instances.migration_states import WAITING, MigrationStatus, MigrationType
from instances.models import Instance, Migration
from instances.operations import LiveMigrateInstance
from instances.operations.live_checks import Verdict, verdict
from instances.operations.live_migrate import CAPABILITY
from instances.operations.live_turns import not_any_more
from instances.operations.rows import flavor_of
from operations.asking import ask
from operations.services import is_up

BLOCK_COPY: dict[Any, BlockCopy] = {"auto": "auto", True: "yes", False: "no"}


class InstanceLiveMigrations(InstanceActs):
    """Servers that go to another host while they run."""

    @policy(LIVE_MIGRATE.policy)
    def live_migrate(
        self,
        instance_id: str,
        *,
        host: str | None = None,
        block_migration: bool | Literal["auto"] = "auto",
        force: bool = False,
        checks_first: bool = False,
    ) -> None:
        """Start bringing a server to another host; ``force``: ask of a named one for room alone.

        ``checks_first``: raise CannotMigrateLive (400) for what hosts say against it, else that is the
        migration's end. Raises CannotMigrateToSameHost, BadRequest for a host that is not there.
        """
        if force and not host:
            raise BadRequest("Can't force to a non-provided destination")
        if checks_first:
            found = self.live_verdict(instance_id, host=host, block_migration=block_migration)
            if found.reasons:
                raise CannotMigrateLive(found.reasons)
        with transaction.atomic():
            key = self._take(instance_id, LIVE_MIGRATE, task_state=LIVE_MIGRATE.task_state)
            row = self._row(
                Instance.objects.get(id=key), host, BLOCK_COPY[block_migration], force=force
            )
            row.save()
            args = {"migration": row.pk}
            LiveMigrateInstance.start(self.context, resource_id=str(key), args=args)

    @policy(LIVE_MIGRATE.policy)
    def live_verdict(
        self,
        instance_id: str,
        *,
        host: str | None = None,
        block_migration: bool | Literal["auto"] = "auto",
    ) -> Verdict:
        """Ask both hosts what speaks against it, and what to expect; nothing is begun.

        Raises what ``live_migrate`` does, and HostDidNotAnswer.
        """
        instance = self._open_to(instance_id, LIVE_MIGRATE)
        row = self._row(instance, host, BLOCK_COPY[block_migration], force=False)
        try:
            return verdict(RequestContext.system(), instance, row)
        except (DriverError, NoValidHost) as error:
            return Verdict(row.dest_host, (error.message,))

    @policy("compute:migrations:force_complete")
    def force_complete(self, instance_id: str, migration_id: str) -> None:
        """Let a migration that runs be over soon; raise InvalidMigrationState (400), HostDidNotAnswer."""
        row = self._going(instance_id, migration_id)
        if row.status != MigrationStatus.RUNNING:
            raise _invalid(row, "force_complete")
        self._ask(row, FORCE_COMPLETE_LIVE, "force_complete")

    @policy("compute:migrations:abort")
    def abort_migration(
        self, instance_id: str, migration_id: str, *, waiting_too: bool = True
    ) -> None:
        """Call a migration off; ``waiting_too``: one that has not begun, as well.

        Raises InvalidMigrationState (400), HostDidNotAnswer.
        """
        row = self._going(instance_id, migration_id)
        if waiting_too:
            waits = Migration.objects.filter(pk=row.pk, status__in=sorted(WAITING))
            if waits.update(called_off=True):
                not_any_more(row)
                return
            row.refresh_from_db()
        if row.status != MigrationStatus.RUNNING:
            raise _invalid(row, "abort")
        if is_up(row.source_host, "compute"):
            self._ask(row, ABORT_LIVE, "abort")
        else:  # nobody waits for that host: the new one says whether the guest came
            Migration.objects.filter(pk=row.pk).update(called_off=True)
            not_any_more(row)

    # -- inside

    def _row(
        self, instance: Instance, host: str | None, block_copy: BlockCopy, *, force: bool
    ) -> Migration:
        """Return the row of a migration that is not begun."""
        hosts = HostManager(RequestContext.system())
        if not hosts.is_able(instance.host, CAPABILITY):
            raise HostMovesNothing
        if host:
            policies.check(self.context, "compute:servers:live_migrate_to_host")
            if host == instance.host:
                raise CannotMigrateToSameHost
            try:
                hosts.get(host)
            except NotFound as error:
                raise BadRequest(f"Compute host {host[:64]} could not be found.") from error
        size = flavor_of(instance)
        return Migration(
            instance=instance,
            migration_type=MigrationType.LIVE,
            status=MigrationStatus.QUEUED,
            source_host=instance.host,
            source_zone=instance.zone,
            wanted_host=host or "",
            vm_state=instance.vm_state,
            old={**size, "cells": instance.cells},
            new=size,
            plan={"block_copy": block_copy, "force": force},
            project_id=self.context.project_id or instance.project_id,
            user_id=self.context.user_id or "",
        )

    def _going(self, instance_id: str, migration_id: str) -> Migration:
        """Return a live migration of a server, under way or not; raise NotFound."""
        server = self.get(instance_id)
        rows = Migration.objects.filter(instance_id=server.id, migration_type=MigrationType.LIVE)
        row = rows.filter(pk=int(migration_id)).first() if migration_id.isdecimal() else None
        if row is None:
            raise NotFound(
                f"Migration {migration_id[:64]} for server {server.id} could not be found."
            )
        return row

    def _ask(self, row: Migration, method: Any, what: str) -> None:
        server = row.instance
        ref = GuestRef(id=str(server.id), name=server.hypervisor_name)
        try:
            ask(method.order(host=row.source_host, resource_id=ref.id, payload=ref))
        except DriverError as error:  # it is over, or too far
            raise BadRequest(error.message) from error


def _invalid(row: Migration, method: str) -> InvalidMigrationState:
    return InvalidMigrationState(row.pk, str(row.instance_id), row.status, method)
