"""Servers whose host is dead are built again elsewhere."""

from __future__ import annotations

from django.db import transaction

from cloudweb.context import RequestContext
from cloudweb.encryption import encrypt
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.policy import policy
from compute.manager import HostFailureManager, HostManager
from instances.actions.evacuating import EVACUATE
from instances.block_devices import DestinationType
from instances.exceptions import SharedStorageMissing
from instances.manager.acting import InstanceActs
from instances.migration_states import MigrationType
from instances.models import BlockDevice, Instance, Migration
from instances.operations.rows import flavor_of
from instances.rebuild_request import new_password


class InstanceEvacuations(InstanceActs):
    """Evacuate."""

    @policy(EVACUATE.policy)
    def evacuate(
        self,
        instance_id: str,
        *,
        host: str | None = None,
        on_shared_storage: bool = False,
        password: str | None = None,
        stays_off: bool = False,
    ) -> str:
        """Start building a server again away from its dead host; return its administrator's password.

        A host that is named must have room like any other. One that ``stays_off`` runs again when it is
        started, others as soon as they are there, if they ran before. Raises HostIsUp, HostNotProvenDead,
        SharedStorageMissing; NotFound for a host that is not there, BadRequest for its own.
        """
        password = password or new_password()
        with transaction.atomic():
            if host is not None:
                self._check_goal(host)
            found = self._locked_for(instance_id, EVACUATE)
            if host == found.host:
                raise BadRequest("The target host can't be the same one.")
            HostFailureManager(RequestContext.system()).check_dead(found.host)
            local = BlockDevice.objects.filter(
                instance=found, destination_type=DestinationType.LOCAL
            )
            if on_shared_storage and local.exists():
                raise SharedStorageMissing
            row = self._row_for(found, host or "")
            self._act(instance_id, EVACUATE, migration=row.pk, stays_off=stays_off)
            if not on_shared_storage:
                Instance.objects.filter(id=found.id).update(admin_password=encrypt(password))
        return password

    def _check_goal(self, host: str) -> None:
        try:
            HostManager(RequestContext.system()).get(host)
        except NotFound as error:
            raise NotFound(f"Compute host {host[:64]} not found.") from error

    def _row_for(self, found: Instance, wanted: str) -> Migration:
        size = flavor_of(found)
        return Migration.objects.create(
            instance=found,
            migration_type=MigrationType.EVACUATION,
            source_host=found.host,
            source_zone=found.zone,
            wanted_host=wanted,
            vm_state=found.vm_state,
            old={**size, "cells": found.cells},
            new=size,
            project_id=self.context.project_id or found.project_id,
            user_id=self.context.user_id or "",
        )
