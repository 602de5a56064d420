"""Servers put away and taken out again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction

from cloudweb import policy as policies
from cloudweb.context import RequestContext
from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest, Conflict
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from compute.manager import ZoneManager
from image.manager import ImageManager
from instances import conf, images
from instances.actions.shelf import SHELVE, SHELVE_OFFLOAD, UNSHELVE
from instances.exceptions import InstanceInvalidState
from instances.manager.images import DISK, InstanceImages, check_able
from instances.models import BlockDevice, Instance
from instances.states import VmState

AT_ONCE = 100


class InstanceShelving(InstanceImages):
    """Shelve, offload, unshelve."""

    @policy(SHELVE.policy)
    def shelve(self, instance_id: str) -> None:
        """Start putting a server away; it leaves its host at once or later, by a setting.

        Raises NoImagesOfServers, and QuotaExceeded for one more image of its project.
        """
        with transaction.atomic():
            key = self._take(instance_id, SHELVE, task_state=SHELVE.task_state)
            instance = Instance.objects.get(id=key)
            disks = list(BlockDevice.objects.filter(instance_id=key))
            in_volume = any(disk.is_root and disk.volume_id for disk in disks)
            image_id = None
            if not in_volume:
                check_able(self.context, instance)
                known = self._known(instance, disks)
                wanted = images.attributes(
                    instance,
                    known,
                    name=f"{instance.name}-shelved"[:255],
                    metadata={},
                    roles=self.context.roles,
                )
                owner = _owner_of(instance)  # whoever shelves it: its project boots from it
                image_id = str(ImageManager(owner).create(attributes={**wanted, **DISK}).id)
            args = {
                "image_id": image_id,
                "must_freeze": False,
                "offload": in_volume or conf.SHELVED_OFFLOAD_TIME == 0,
            }
            assert SHELVE.saga is not None
            SHELVE.saga.start(self.context, resource_id=str(key), args=args)

    @policy(SHELVE_OFFLOAD.policy)
    def shelve_offload(self, instance_id: str) -> None:
        """Start taking a shelved server off its host."""
        self._act(instance_id, SHELVE_OFFLOAD, offload=True)

    @policy(UNSHELVE.policy)
    def unshelve(self, instance_id: str, /, **where: str | None) -> None:
        """Start a shelved server again, in this ``zone`` or on this ``host`` (for operators).

        With a ``zone`` of None it is tied to none any more. Raises BadRequest for an unknown zone.
        """
        zone, host = where.get("zone"), where.get("host")
        if host is not None:
            policies.check(self.context, "compute:servers:unshelve_to_host")
        if zone is not None and zone not in {one.name for one in ZoneManager(self.context).list()}:
            raise BadRequest(f"The requested availability zone is not available: {zone[:80]}")
        with transaction.atomic():
            key = self._take(instance_id, UNSHELVE, task_state=UNSHELVE.task_state)
            instance = Instance.objects.get(id=key)
            in_place = instance.vm_state == VmState.SHELVED
            if where and in_place:
                raise InstanceInvalidState(
                    UNSHELVE.spoken, key, attr="vm_state", state=instance.vm_state
                )
            if "zone" in where:
                Instance.objects.filter(id=key).update(wanted_zone=zone or "")
            args: dict[str, Any] = {
                "in_place": in_place,
                "zone": zone if "zone" in where else instance.wanted_zone,
                "host": host,
            }
            assert UNSHELVE.saga is not None
            UNSHELVE.saga.start(self.context, resource_id=str(key), args=args)

    @periodic(every=timedelta(minutes=1))
    @policy("compute:servers:offload_shelved")
    def offload_shelved(self) -> int:
        """Take servers off their hosts that are shelved for so long as the setting says; return how many."""
        if conf.SHELVED_OFFLOAD_TIME < 0:
            return 0
        before = now() - timedelta(seconds=conf.SHELVED_OFFLOAD_TIME)
        rows = Instance.objects.filter(
            vm_state=VmState.SHELVED, task_state=None, shelved_at__lt=before
        )
        done = 0
        for key in rows.order_by("shelved_at").values_list("id", flat=True)[:AT_ONCE]:
            try:
                self._act(str(key), SHELVE_OFFLOAD, offload=True)
            except Conflict:  # somebody does something else with it
                continue
            done += 1
        return done


def _owner_of(instance: Instance) -> RequestContext:
    """Return who makes things for a server's project."""
    return RequestContext(
        user_id=instance.user_id or None,
        project_id=instance.project_id,
        roles=frozenset({"reader", "member"}),
    )
