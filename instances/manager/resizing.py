"""Servers get another size or another host, and somebody decides whether that stays."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.db import transaction
from django.db.models import Sum

from cloudweb import policy as policies
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, CloudwebError, Conflict, NotFound
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute.exceptions import FlavorNotFound
from compute.manager import FlavorManager, HostManager
from compute.scheduler import needs
from image.manager import ImageManager
from instances import conf, quota
from instances.actions.resizing import CONFIRM_RESIZE, MIGRATE, RESIZE, REVERT_RESIZE
from instances.block_devices import DestinationType, SourceType
from instances.exceptions import (
    CannotMigrateToSameHost,
    CannotResizeDisk,
    CannotResizeToSameFlavor,
    FlavorDoesNotFit,
    HostResizesNothing,
    NothingToDecide,
)
from instances.manager.acting import InstanceActs
from instances.migration_states import MigrationStatus, MigrationType
from instances.models import BlockDevice, Instance, Migration
from instances.operations.migration_rows import beyond
from instances.operations.rows import FLAVOR, flavor_of
from instances.states import OFF
from operations.saga import Saga

if TYPE_CHECKING:
    from compute.models import Flavor
    from instances.actions.record import InstanceAction

log = structlog.get_logger(__name__)
#: Resizes that one round confirms by itself.
ROUND = 100


class InstanceResizes(InstanceActs):
    """Resize, migrate, confirm, revert."""

    @policy(RESIZE.policy)
    def resize(self, instance_id: str, *, flavor_id: str, disk_config: str | None = None) -> None:
        """Start giving a server another flavor.

        Raises CannotResizeToSameFlavor, CannotResizeDisk, FlavorDoesNotFit and BadRequest for a flavor
        that the caller may not use (400), QuotaExceeded.
        """
        with transaction.atomic():
            args = self.record_resize(instance_id, flavor_id=flavor_id, disk_config=disk_config)
            self._start(RESIZE, instance_id, args)

    @policy(RESIZE.policy)
    def record_resize(
        self, instance_id: str, *, flavor_id: str, disk_config: str | None = None
    ) -> Mapping[str, Any]:
        """Record that a server gets another flavor; return what ``ResizeInstance`` takes, say as a child.

        Raises what ``resize`` raises.
        """
        with transaction.atomic():
            instance = self._taken(instance_id, RESIZE)
            flavor = self._new_flavor(flavor_id)
            new = _columns(flavor)
            if new == flavor_of(instance) or flavor.id == instance.flavor_id:
                raise CannotResizeToSameFlavor
            self._check_growth(instance, flavor)
            self._check_old_image(instance, flavor)
            needs(
                flavor.specs(), instance.image_properties, vcpus=flavor.vcpus, ram=flavor.ram
            )  # what contradicts its image is said now
            quota.reserve_growth(
                instance.project_id,
                vcpus=flavor.vcpus - instance.vcpus,
                ram=flavor.ram - instance.ram,
            )
            if disk_config is not None:
                Instance.objects.filter(id=instance.id).update(disk_config=disk_config)
            stays = conf.RESIZE_TO_SAME_HOST
            return self._move(instance, RESIZE, new, not_on=() if stays else (instance.host,))

    @policy(MIGRATE.policy)
    def migrate(self, instance_id: str, *, host: str | None = None) -> None:
        """Start bringing a server to another host, off meanwhile; raise CannotMigrateToSameHost.

        Raises BadRequest for a host that is not there.
        """
        with transaction.atomic():
            args = self.record_migration(instance_id, host=host)
            self._start(MIGRATE, instance_id, args)

    @policy(MIGRATE.policy)
    def record_migration(self, instance_id: str, *, host: str | None = None) -> Mapping[str, Any]:
        """Record that a server goes to another host; return what ``ResizeInstance`` takes, say as a child.

        Raises what ``migrate`` raises.
        """
        with transaction.atomic():
            instance = self._taken(instance_id, MIGRATE)
            if host is not None:
                policies.check(self.context, "compute:servers:migrate_to_host")
                if host == instance.host:
                    raise CannotMigrateToSameHost
                self._check_target(host)
            same = flavor_of(instance)
            return self._move(
                instance, MIGRATE, same, not_on=(instance.host,), wanted_host=host or ""
            )

    @policy(CONFIRM_RESIZE.policy)
    def confirm_resize(self, instance_id: str) -> None:
        """Keep what a server was resized or migrated to."""
        with transaction.atomic():
            self._start(CONFIRM_RESIZE, instance_id, self.record_confirmation(instance_id))

    @policy(CONFIRM_RESIZE.policy)
    def record_confirmation(self, instance_id: str) -> Mapping[str, Any]:
        """Record that a resize stays; return what ``ConfirmResize`` takes, say as a child."""
        return self._decided(instance_id, CONFIRM_RESIZE, MigrationStatus.CONFIRMING)

    @policy(REVERT_RESIZE.policy)
    def revert_resize(self, instance_id: str) -> None:
        """Let a server be again what and where it was."""
        with transaction.atomic():
            self._start(REVERT_RESIZE, instance_id, self.record_reversal(instance_id))

    @policy(REVERT_RESIZE.policy)
    def record_reversal(self, instance_id: str) -> Mapping[str, Any]:
        """Record that a resize is taken back; return what ``RevertResize`` takes, say as a child."""
        return self._decided(instance_id, REVERT_RESIZE, MigrationStatus.REVERTING)

    @periodic(every=60)
    @policy("compute:servers:confirm_overdue")
    def confirm_overdue_resizes(self) -> None:
        """Confirm what nobody decided within RESIZE_CONFIRM_WINDOW."""
        if not conf.RESIZE_CONFIRM_WINDOW:
            return
        since = now() - timedelta(seconds=conf.RESIZE_CONFIRM_WINDOW)
        due = Migration.objects.filter(status=MigrationStatus.FINISHED, updated_at__lte=since)
        for instance_id in due.order_by("updated_at").values_list("instance_id", flat=True)[:ROUND]:
            try:
                self.confirm_resize(str(instance_id))
            except (
                CloudwebError
            ) as error:  # something else is done to it; the next round looks again
                log.info("not confirmed", instance_id=str(instance_id), reason=error.message)

    # -- inside

    def _taken(self, instance_id: str, action: InstanceAction) -> Instance:
        """Take the server for an action; return its row."""
        key = self._take(instance_id, action, task_state=action.task_state)
        found = Instance.objects.get(id=key)
        if not HostManager(self.context).is_able(found.host, "resize"):
            raise HostResizesNothing
        return found

    def _new_flavor(self, flavor_id: str) -> Flavor:
        try:
            flavor = FlavorManager(self.context).get(flavor_id)
        except NotFound as error:
            raise BadRequest(error.message) from error
        if flavor.disabled:
            raise BadRequest(FlavorNotFound(flavor_id).message)
        return flavor

    def _check_target(self, host: str) -> None:
        try:
            HostManager(RequestContext.system()).get(host)
        except NotFound as error:
            raise BadRequest(f"Compute host {host[:64]} could not be found.") from error

    def _check_growth(self, instance: Instance, flavor: Flavor) -> None:
        """Raise CannotResizeDisk where a disk of the server's host would have to shrink."""
        local = BlockDevice.objects.filter(
            instance_id=instance.id, destination_type=DestinationType.LOCAL
        )
        if local.filter(boot_index=0).exists():
            if instance.disk and not flavor.disk:
                raise CannotResizeDisk("Resize to zero disk flavor is not allowed.")
            if flavor.disk < instance.disk:
                raise CannotResizeDisk("Unable to resize disk down.")
        blank = local.filter(source_type=SourceType.BLANK).aggregate(size=Sum("size"))["size"] or 0
        if blank > flavor.ephemeral:
            raise CannotResizeDisk("Unable to resize disk down.")

    def _check_old_image(self, instance: Instance, flavor: Flavor) -> None:
        """Raise FlavorDoesNotFit for less memory than the image asks for; one that is gone asks nothing."""
        if not instance.image_id:
            return
        try:
            image = ImageManager(self.context).location(instance.image_id)
        except (NotFound, Conflict):
            return
        if image.min_ram > flavor.ram:
            raise FlavorDoesNotFit("Flavor's memory is too small for requested image.")
        if flavor.disk and image.virtual_size > flavor.disk * 1024**3:
            raise FlavorDoesNotFit("Flavor's disk is too small for requested image.")

    def _move(
        self,
        instance: Instance,
        action: InstanceAction,
        new: Mapping[str, Any],
        *,
        not_on: tuple[str, ...],
        wanted_host: str = "",
    ) -> Mapping[str, Any]:
        old = flavor_of(instance)
        kind = MigrationType.RESIZE if action is RESIZE else MigrationType.MIGRATION
        row = Migration.objects.create(
            instance=instance,
            migration_type=kind,
            source_host=instance.host,
            source_zone=instance.zone,
            wanted_host=wanted_host,
            vm_state=instance.vm_state,
            old={**old, "cells": instance.cells},
            new=dict(new),
            project_id=self.context.project_id or instance.project_id,
            user_id=self.context.user_id or "",
        )
        Instance.objects.filter(id=instance.id).update(**beyond(old, new))
        return {"migration": row.pk, "not_on": list(not_on)}

    def _decided(
        self, instance_id: str, action: InstanceAction, status: MigrationStatus
    ) -> Mapping[str, Any]:
        """Record what decides a resize; raise NothingToDecide (404) where there is no record of one."""
        with transaction.atomic():
            key = self._take(instance_id, action, task_state=action.task_state)
            found = Migration.objects.filter(instance_id=key, status=MigrationStatus.FINISHED)
            row = found.first()
            if row is None:
                raise NothingToDecide(key)
            found.update(status=status, updated_at=now())
            power = Instance.objects.values_list("power_state", flat=True).get(id=key)
            return {"migration": row.pk, "runs": power not in OFF}

    def _start(self, action: InstanceAction, key: uuid.UUID | str, args: Mapping[str, Any]) -> None:
        saga: type[Saga] | None = action.saga
        assert saga is not None
        saga.start(self.context, resource_id=str(uuid.UUID(str(key))), args=args)


def _columns(flavor: Flavor) -> dict[str, Any]:
    """Return a flavor as the columns of a server's row."""
    said = {"flavor_id": flavor.id, "flavor_name": flavor.name, "extra_specs": flavor.specs()}
    return {name: said[name] if name in said else getattr(flavor, name) for name in FLAVOR}
