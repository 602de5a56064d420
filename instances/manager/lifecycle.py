"""What becomes of servers after they were made."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.exceptions import NotFound
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from instances import conf, quota
from instances.actions.lifecycle import DELETE, FORCE_DELETE, RESTORE, UPDATE
from instances.manager.acting import InstanceActs
from instances.models import Instance
from instances.operations import RestoreInstance, SoftDeleteInstance
from instances.states import TaskState, VmState

AT_ONCE = 100
#: What is deleted for now: it ran, and is on a host.
CAN_REST = (
    *(VmState.ACTIVE, VmState.STOPPED, VmState.PAUSED, VmState.SUSPENDED, VmState.RESCUED),
    VmState.ERROR,
)


class InstanceLifecycle(InstanceActs):
    """Update, delete and restore."""

    @policy(UPDATE.policy)
    def update(self, instance_id: str, /, **changes: Any) -> Instance:
        """Change name, description, hostname, access addresses or disk config."""
        self._change(instance_id, UPDATE, **changes)
        return self.get(instance_id)

    @policy(DELETE.policy)
    def delete(self, instance_id: str) -> None:
        """Start deleting; a live operation is undone first, a second delete changes nothing.

        By a setting a server that ran, and is at rest, can be restored for a while.
        """
        if conf.RECLAIM_INTERVAL <= 0 or not self._delete_for_now(instance_id):
            self._act(instance_id, DELETE)

    def _delete_for_now(self, instance_id: str) -> bool:
        """Start deleting a server so that it can be restored; False where it must go at once."""
        rows = self._rows_of(instance_id)
        rests = rows.filter(task_state=None, launched_at__isnull=False, vm_state__in=CAN_REST)
        if not rests.exists():
            return rows.filter(vm_state=VmState.SOFT_DELETED).exists()
        with transaction.atomic():
            key = self._take(instance_id, DELETE, task_state=TaskState.SOFT_DELETING)
            SoftDeleteInstance.start(self.context, resource_id=str(key))
        return True

    @policy(FORCE_DELETE.policy)
    def force_delete(self, instance_id: str) -> None:
        """Start deleting for good, whatever the settings say."""
        self._act(instance_id, FORCE_DELETE)

    @policy(RESTORE.policy)
    def restore(self, instance_id: str) -> None:
        """Start a server again that was deleted for now; raise QuotaExceeded where it has no room."""
        with transaction.atomic():
            key = self._take(instance_id, RESTORE, task_state=RESTORE.task_state)
            row = Instance.objects.get(id=key)
            quota.reserve(row.project_id, count=1, vcpus=row.vcpus, ram=row.ram)
            RestoreInstance.start(self.context, resource_id=str(key))

    @periodic(every=timedelta(minutes=1))
    @policy("compute:servers:reclaim")
    def reclaim(self) -> int:
        """Delete for good what was deleted for so long as the setting says; return how many."""
        before = now() - timedelta(seconds=max(0, conf.RECLAIM_INTERVAL))
        rows = Instance.objects.filter(
            vm_state=VmState.SOFT_DELETED, task_state=None, soft_deleted_at__lt=before
        )
        keys = list(rows.order_by("soft_deleted_at").values_list("id", flat=True)[:AT_ONCE])
        for key in keys:
            with suppress(NotFound):
                self._act(str(key), FORCE_DELETE)
        return len(keys)
